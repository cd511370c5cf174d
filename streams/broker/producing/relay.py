"""Publishes the outbox: what transactions announced goes to its topics, and is deleted once every broker that has to
hold it has acknowledged it. A crash in between publishes the same again. What is too large for its topic becomes a dead
letter."""

# See docs/decisions/0088-outbox-rows-hold-numbers.md

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.net.compat import KafkaNetClient

from coachlm.errors import StreamError
from coachlm.machine.waiting import Backoff
from coachlm.protocols.streams import (
    UNPUBLISHED,
    Announcement,
    DeadLetter,
    DeadReason,
    StreamMessage,
    StreamStore,
    Topic,
)
from coachlm.settings import Settings
from streams.broker.topics.topics import max_message_bytes, topic_name
from streams.broker.wire.codec import encode
from streams.broker.wire.connection import kafka_python_options

log = logging.getLogger(__name__)

_Producer: Any = KafkaProducer
"""Any: the published stubs are of kafka-python 2."""

_ANNOUNCEMENTS = 1000
_IDLE_SECONDS = 0.1
_BACKOFF = Backoff(first_seconds=0.5, longest_seconds=30.0)
_DELIVERY_SECONDS = 20
"""How long a batch may take; its rows are locked meanwhile, on SQLite the whole database."""

OnPublished = Callable[[int], None]
OnOutage = Callable[[str | None], None]
"""Called with why nothing can be published just now, and with None once it can again."""


class Relay:
    """Any number may run on one database at once. Not to be shared between threads."""

    def __init__(self, store: StreamStore, settings: Settings, on_published: OnPublished, on_outage: OnOutage) -> None:
        self._store = store
        self._settings = settings
        self._topics = {topic: topic_name(settings, topic) for topic in Topic}
        self._on_published = on_published
        self._on_outage = on_outage
        self._producer: Any = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then what is left of the outbox, if it can be published at once."""
        failures = 0
        try:
            while True:
                last = stop.is_set()
                try:
                    self.publish_all()
                except Exception as error:  # noqa: BLE001 - whatever it is, the outbox has to be published some day
                    failures += 1
                    log.warning("the outbox can't be published: %s", error)
                    if failures == 1:
                        self._on_outage(str(error))
                    self._close()
                else:
                    if failures:
                        self._on_outage(None)
                    failures = 0
                if last:
                    return
                stop.wait(_BACKOFF.seconds(failures) if failures else _IDLE_SECONDS)
        finally:
            self._close()

    def publish_all(self) -> int:
        """Everything that the outbox holds now. Raises: StoreError, StreamError; what was not published stays."""
        total = 0
        while published := self._store.publish(_ANNOUNCEMENTS, self._send):
            total += published
            self._on_published(published)
        return total

    def _send(self, announcements: Sequence[Announcement]) -> list[DeadLetter]:
        """Returns once all are acknowledged, or too large for their topic. Raises: StreamError."""
        try:
            # A broker that finds one too large has the producer give up all that it holds: those are tried alone.
            refused = self._delivered(announcements)
            refused = [one for one in refused if self._delivered([one])]
        except (KafkaError, OSError) as error:
            servers = ", ".join(self._settings.kafka.servers)
            raise StreamError(f"the Kafka broker at {servers} takes no messages: {error!r}; is it running?") from error
        return [letter for one in refused if (letter := self._given_up(one)) is not None]

    def _delivered(self, announcements: Sequence[Announcement]) -> list[Announcement]:
        """Gives those that producer or broker finds too large. Raises: KafkaError, OSError."""
        if self._producer is None:
            self._producer = open_producer(self._settings)
        flying, refused = [], []
        for one in announcements:
            try:
                flying.append((one, self._producer.send(self._topics[one.topic], key=_key(one), value=encode(one))))
            except MessageSizeTooLargeError:
                refused.append(one)
        end = time.monotonic() + _DELIVERY_SECONDS
        for one, future in flying:  # not by `flush`, which fails where the producer splits a batch
            try:
                future.get(timeout=max(end - time.monotonic(), 0))
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                refused.append(one)
        if refused:
            self._close()
        return refused

    def _given_up(self, one: Announcement) -> DeadLetter | None:
        """None for news of a dead letter: that is kept already."""
        topic, value = self._topics[one.topic], encode(one)
        why = f"{len(value):,} bytes are more than topic {topic} takes; raise COACHLM_MAX_RECORD_BYTES, then replay"
        log.error("%s can't be announced: %s", one.key, why)
        if one.topic is Topic.DEAD:
            return None
        message = StreamMessage(topic, UNPUBLISHED, one.number, _key(one), value, (), int(time.time() * 1000))
        return DeadLetter(message, DeadReason.TOO_LARGE, why)

    def _close(self) -> None:
        """Without waiting for what the broker has not acknowledged: it is in the outbox still."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.close(timeout=0)
            except KafkaError:
                log.debug("closing the producer failed", exc_info=True)


class RelayThread:
    """A relay beside a worker."""

    def __init__(self, relay: Relay) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=relay.run, args=(self._stop,), name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Publishes what is left, for at most so long."""
        self._stop.set()
        self._thread.join(seconds)


def open_producer(settings: Settings) -> Any:
    """Every message is acknowledged by all brokers that have to hold it, and stands in its topic once.

    Raises: KafkaError, OSError, with nothing left open (kafka-python's constructor alone leaves its sockets behind).
    """
    clients: list[KafkaNetClient] = []

    def client(**options: Any) -> KafkaNetClient:
        clients.append(KafkaNetClient(**options))
        return clients[-1]

    try:
        return _Producer(**kafka_python_options(settings), **_options(settings), kafka_client=client)
    except BaseException:
        for made in clients:
            made.close()
        raise


def _key(announcement: Announcement) -> bytes:
    return announcement.key.encode()


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": 5,
        "batch_size": 256_000,
        "max_request_size": max_message_bytes(settings),
        "max_block_ms": _DELIVERY_SECONDS * 1000,
        "delivery_timeout_ms": _DELIVERY_SECONDS * 1000,
        "request_timeout_ms": _DELIVERY_SECONDS * 500,
        "bootstrap_timeout_ms": _DELIVERY_SECONDS * 500,
        "allow_auto_create_topics": False,
    }
