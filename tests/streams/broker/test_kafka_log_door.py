"""Posted lines on their way to Kafka: the verdicts that the embedded door gives, given once the broker has the line."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import InputError, StreamError
from coachlm.protocols.doors import LineVerdict
from coachlm.settings import load_settings
from streams.broker.producing.log_door import KafkaLogDoor
from streams.broker.producing.raw_producer import RawMessage
from streams.broker.wire.raw_messages import FILE_HEADER, RECORD_HEADER
from tests.streams.broker.halves import chunks, request, response
from tests.streams.broker.messages import chat_bytes

SETTINGS = load_settings(max_record_bytes=2_000)  # type: ignore[call-arg]


class FakeOutlet:
    """Acknowledges when asked; `away` fails every wait."""

    def __init__(self, *, away: bool = False) -> None:
        self.sent: list[RawMessage] = []
        self.away = away
        self.unacknowledged = 0
        self.most_unacknowledged = 0

    def send(self, message: RawMessage) -> Callable[[], str]:
        self.sent.append(message)
        self.unacknowledged += 1
        self.most_unacknowledged = max(self.most_unacknowledged, self.unacknowledged)

        def outcome() -> str:
            if self.away:
                raise StreamError("the broker takes no messages")
            self.unacknowledged -= 1
            return "too_long: over the topic's limit" if len(message.value) > 1_500 else ""

        return outcome


def verdicts(outlet: FakeOutlet, *lines: bytes, **options: str) -> dict[int, LineVerdict]:
    found = list(KafkaLogDoor(SETTINGS, lambda _: outlet).accept(iter(lines), **options))
    assert len({verdict.line for verdict in found}) == len(found)
    return {verdict.line: verdict for verdict in found}


def test_lines_are_sent_as_they_are_and_judged() -> None:
    outlet = FakeOutlet()
    lines = [chat_bytes(1), b"", b"{broken", b'"' + b"y" * 1_600 + b'"', b'"' + b"x" * 3_000 + b'"', chat_bytes(2)]
    found = verdicts(outlet, *lines, request_id="r1")
    assert {number: verdict.ok for number, verdict in found.items()} == {0: True, 2: False, 3: False, 4: False, 5: True}
    assert [found[number].reason.split(":")[0] for number in (2, 3, 4)] == ["malformed_json", "too_long", "too_long"]
    assert [message.value for message in outlet.sent] == [lines[0], lines[2], lines[3], lines[5]]
    assert dict(outlet.sent[1].headers) == {FILE_HEADER: b"http:r1", RECORD_HEADER: b"2"}


@given(st.permutations([request(1), response(1), request(2), response(3), chat_bytes(1), b"{", b"", *chunks(1)]))
def test_any_order_settles_every_line(lines: list[bytes]) -> None:
    outlet = FakeOutlet()
    found = verdicts(outlet, *lines)
    assert set(found) == {number for number, line in enumerate(lines) if line}
    sent = Counter(line for message in outlet.sent for line in message.value.split(b"\n"))
    assert sent == Counter(filter(None, lines))
    refused = {lines[number] for number, verdict in found.items() if not verdict.ok}
    assert refused >= {request(2), response(3), b"{"}
    assert not refused & {request(1), response(1), chat_bytes(1)}


def test_a_broker_that_is_away_leaves_lines_without_a_verdict() -> None:
    with pytest.raises(StreamError):
        verdicts(FakeOutlet(away=True), chat_bytes(1))


def test_what_flies_is_bounded() -> None:
    outlet = FakeOutlet()
    assert len(verdicts(outlet, *(chat_bytes(number) for number in range(3_000)))) == 3_000
    assert outlet.most_unacknowledged <= 1_000


def test_a_wrong_format_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="unknown log format"):
        KafkaLogDoor(SETTINGS, lambda _: FakeOutlet()).accept(iter([]), "telegrams")
