"""Slower or faster without a change of pitch, on a stream (libavfilter's ``atempo``, a WSOLA)."""

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

Samples = npt.NDArray[np.int16]


class Stretcher:
    """Changes the tempo of mono samples as they come.

    Args:
        tempo: 0.5 to 100; 2 is twice as fast.
        rate: Hz.
    """

    def __init__(self, tempo: float, rate: int) -> None:
        self._rate = rate
        self._at = 0
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=rate, format="s16", layout="mono", time_base=None
        )
        tempo_filter = self._graph.add("atempo", str(tempo))
        sink = self._graph.add("abuffersink")
        source.link_to(tempo_filter)
        tempo_filter.link_to(sink)
        self._graph.configure()

    def put(self, samples: Samples, *, last: bool = False) -> Samples:
        """What is ready after `samples`; with `last`, all the rest."""
        if samples.size:
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = self._rate
            frame.pts = self._at
            self._at += samples.size
            self._graph.push(frame)
        if last:
            self._graph.push(None)
        ready = [np.zeros(0, np.int16)]
        while True:
            try:
                pulled = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return np.concatenate(ready)
            ready.append(pulled.to_ndarray().reshape(-1).astype(np.int16))
