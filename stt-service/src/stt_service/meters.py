"""The service's own Prometheus metrics."""

from avatar_contract.listen import Cleared, Final, ListenError, ListenEvent, NoSpeech, Pause
from avatar_contract.service import Metrics

_WAIT_BUCKETS = (0.15, 0.25, 0.35, 0.45, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0)


class Meters:
    """Counts what listeners report. Never what was said."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._utterances = metrics.counter(
            "avatar_stt_utterances", "Utterances by how they ended", ["ending"]
        )
        self._pauses = metrics.counter("avatar_stt_pauses", "Provisional words reported")
        self._recognise = metrics.histogram(
            "avatar_stt_recognise_seconds", "Seconds of the look that gave the final words"
        )
        self._finish = metrics.histogram(
            "avatar_stt_finish_seconds", "Seconds from the end of an utterance to its words"
        )
        self._wait = metrics.histogram(
            "avatar_stt_endpoint_wait_seconds",
            "Silence from the last voiced sound to the end of an utterance, in audio seconds",
            buckets=_WAIT_BUCKETS,
        )
        self.sessions = metrics.gauge("avatar_stt_sessions", "Sockets that listen")

    def count(self, event: ListenEvent) -> None:
        """Takes an event that is about to be sent."""
        if isinstance(event, Pause):
            self._pauses.inc()
        elif isinstance(event, Final | NoSpeech | ListenError | Cleared):
            self._utterances.labels(self.metrics.service, event.type).inc()
        if isinstance(event, Final):
            self._recognise.observe(event.timings["recognise"] / 1000)
            self._finish.observe(event.timings["finish"] / 1000)
            self._wait.observe(event.timings["endpoint_wait"] / 1000)
