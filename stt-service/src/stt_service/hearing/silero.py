"""Silero's voice activity model, for many ears in one call.

The graph that ships in the faster-whisper wheel runs one stream: it lays the windows of a call
along the LSTM's time axis. Exchanging two axes before the LSTM makes the windows of a call
independent streams, each with its own state; the weights are untouched.

Source: https://github.com/snakers4/silero-vad (MIT).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
WINDOW = 512
"""Samples of a window."""
WINDOW_MS = WINDOW * 1000 / RATE
CONTEXT = 64
"""Samples of the window before that the model sees again."""
STATE = 128

Floats = NDArray[np.float32]

_TIME_MAJOR, _STREAM_MAJOR = (0, 2, 1), (2, 0, 1)


@dataclass(slots=True)
class States:
    """LSTM state and context of many ears, a row each."""

    hidden: Floats
    cell: Floats
    context: Floats

    @classmethod
    def zeros(cls, rows: int) -> "States":
        """`rows` ears that have heard nothing."""
        return cls(
            np.zeros((rows, STATE), np.float32),
            np.zeros((rows, STATE), np.float32),
            np.zeros((rows, CONTEXT), np.float32),
        )

    def grown(self, rows: int) -> "States":
        """The same ears, and room for `rows` in all."""
        bigger = States.zeros(rows)
        for mine, theirs in zip(self.arrays, bigger.arrays, strict=True):
            theirs[: len(mine)] = mine
        return bigger

    def forget(self, row: int) -> None:
        """Back to having heard nothing."""
        for array in self.arrays:
            array[row] = 0

    @property
    def arrays(self) -> tuple[Floats, Floats, Floats]:
        """All of it."""
        return self.hidden, self.cell, self.context


class Silero:
    """The loaded model. One thread, no state of its own."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @classmethod
    def load(cls) -> "Silero":
        """Loads the graph from the installed faster-whisper wheel.

        Raises:
            RuntimeError: the wheel is absent, or carries a graph of another shape.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        graph = _many_streams(_wheel_graph().read_bytes())
        return cls(onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"]))

    def __call__(self, windows: Floats, states: States, rows: NDArray[np.intp]) -> Floats:
        """Probability of speech in each window; the states of `rows` move on.

        Args:
            windows: ``[n, 512]`` samples in -1 … 1, one window for each of `rows`.
            rows: ``[n]``, no row twice.
        """
        fed = np.concatenate([states.context[rows], windows], axis=1)
        said, hidden, cell = self._session.run(
            None,
            {"input": fed, "h": states.hidden[rows][None], "c": states.cell[rows][None]},
        )
        states.hidden[rows] = hidden[0]
        states.cell[rows] = cell[0]
        states.context[rows] = windows[:, -CONTEXT:]
        probabilities: Floats = said
        return probabilities


def _wheel_graph() -> Path:
    # Found, not imported: the import would bring ctranslate2 into this process.
    spec = find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise RuntimeError("faster-whisper is not installed: it carries the Silero model.")
    assets = Path(spec.origin).parent / "assets"
    graphs = sorted(assets.glob("silero_vad*.onnx"))
    if not graphs:
        raise RuntimeError(f"No silero_vad*.onnx in {assets}: reinstall faster-whisper.")
    return graphs[-1]


def _many_streams(graph: bytes) -> bytes:
    import onnx

    model = onnx.load_model_from_string(graph)
    before_lstm = next(
        node
        for lstm in model.graph.node
        if lstm.op_type == "LSTM"
        for node in model.graph.node
        if node.op_type == "Transpose" and node.output[0] == lstm.input[0]
    )
    axes = before_lstm.attribute[0].ints
    if tuple(axes) != _TIME_MAJOR:
        raise RuntimeError("This faster-whisper carries a Silero graph of another shape.")
    axes[:] = _STREAM_MAJOR
    for value in [*model.graph.input, *model.graph.output]:
        if value.name in ("h", "c", "hn", "cn"):
            value.type.tensor_type.shape.dim[1].dim_param = "ears"
    del model.graph.value_info[:]
    changed: bytes = model.SerializeToString()
    return changed
