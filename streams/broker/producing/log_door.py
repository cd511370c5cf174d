"""Logs that are posted to the service, into the topic of raw records: a verdict a line once the broker has it."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from uuid import uuid4

from coachlm.pairs import Reject
from coachlm.protocols.doors import LineVerdict
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings
from streams.broker.producing.raw_producer import Outlet, RawProducer, find_destination, raw_message
from streams.broker.topics.topics import topic_name
from streams.reading.bundles import Bundle, Bundler, reject_reason
from streams.reading.formats import check_format
from streams.reading.log_door import posted_records
from streams.reading.sources.records import ParseOptions

_MESSAGES = 1_000
_BYTES = 8_000_000
"""After so much of a request its acknowledgements are waited for."""


def connect(settings: Settings) -> Outlet:
    """The topic of raw records. Raises: StreamError, SettingsError."""
    destination = find_destination(settings, topic_name(settings, Topic.RAW))
    return RawProducer(settings, destination.topic, destination.limit)


class KafkaLogDoor:
    """Implements `protocols.doors.LogDoor`. Connects with the first request, so that a service starts without its
    broker. Lines that no format reads are sent, too: they are kept as dead letters. Halves are joined within one
    request."""

    def __init__(self, settings: Settings, connect: Callable[[Settings], Outlet] = connect) -> None:
        self._settings = settings
        self._connect = connect
        self._outlet: Outlet | None = None
        self._connecting = Lock()

    def accept(
        self, lines: Iterable[bytes], format: str | None = None, request_id: str | None = None
    ) -> Iterator[LineVerdict]:
        check_format(format)
        return self._verdicts(lines, format, f"http:{request_id or uuid4().hex}")

    def _verdicts(self, lines: Iterable[bytes], format: str | None, source: str) -> Iterator[LineVerdict]:
        request = _Request(self._connected(), format)
        bundler = Bundler(ParseOptions.from_settings(self._settings, format), self._settings.intake.join_buffer_bytes)
        for record in posted_records(lines, source, self._settings.intake.max_record_bytes):
            if isinstance(record, Reject):
                yield LineVerdict(record.position.record, False, reject_reason(record))
                continue
            for bundle in bundler.add(record):
                yield from request.send(bundle)
        for bundle in (*bundler.end_of_source(source), *bundler.flush()):
            yield from request.send(bundle)
        yield from request.settle()

    def _connected(self) -> Outlet:
        with self._connecting:
            if self._outlet is None:
                self._outlet = self._connect(self._settings)
            return self._outlet


class _Request:
    """What of a request is on its way to the broker."""

    def __init__(self, outlet: Outlet, format: str | None) -> None:
        self._outlet = outlet
        self._format = format
        self._flying: list[tuple[Bundle, Callable[[], str]]] = []
        self._bytes = 0

    def send(self, bundle: Bundle) -> Iterator[LineVerdict]:
        message = raw_message(bundle.records, self._format)
        self._flying.append((bundle, self._outlet.send(message)))
        self._bytes += len(message.value)
        if len(self._flying) >= _MESSAGES or self._bytes >= _BYTES:
            yield from self.settle()

    def settle(self) -> Iterator[LineVerdict]:
        """Waits for the acknowledgements."""
        flying, self._flying, self._bytes = self._flying, [], 0
        for bundle, outcome in flying:
            refused = outcome()
            for record in bundle.records:
                yield LineVerdict(record.position.record, bundle.ok and not refused, refused or bundle.reason)
