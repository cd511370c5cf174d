"""What a worker's metrics say before anything has happened."""

from coachlm.protocols.streams import DeadReason
from streams.broker.worker.metrics import Metrics


def test_what_alerts_watch_is_zero_from_the_start() -> None:
    samples = {
        (sample.name, sample.labels.get("reason") or sample.labels.get("what")): sample.value
        for metric in Metrics("intake").registry.collect()
        for sample in metric.samples
    }
    for reason in DeadReason:
        assert samples["coachlm_stream_dead_letters_total", reason.value] == 0
    for what in ("handler", "relay"):
        assert samples["coachlm_stream_outages_total", what] == 0
    assert samples["coachlm_stream_messages_total", None] == 0
