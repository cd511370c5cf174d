"""Produces messages again as they were, to the topics they were on, one by one acknowledged by the broker."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from kafka.errors import KafkaError, KafkaTimeoutError

from coachlm.errors import StreamError
from coachlm.protocols.streams import StreamMessage
from coachlm.settings import Settings
from streams.broker.producing.relay import open_producer

DEAD_LETTER_HEADER = "coachlm-dead-letter"
"""Names, on a replayed message, the dead letter that it was."""

_RETIRED = "~"
"""No topic's name holds it: what stands before it is the name of a topic that was made anew since."""
_IN_FLIGHT = 50
_SECONDS = 30


class _Name(str):
    """The name of a header, which kafka-python encodes; bytes that are no UTF-8 go out as they came."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        return super().encode(encoding, errors)


def replay(settings: Settings, letters: Iterable[tuple[int, StreamMessage]]) -> Iterator[tuple[int, str | None]]:
    """Numbers of dead letters with their messages; gives each number once the broker has acknowledged its message, or
    with why the broker refuses just this one.

    Raises: StreamError, when the broker can't be reached; what was not given by then may be produced or not.
    """
    servers = ", ".join(settings.kafka.servers)
    try:
        producer = open_producer(settings)
        try:
            rest = iter(letters)
            while some := list(islice(rest, _IN_FLIGHT)):
                flying = [(number, _send(producer, number, message)) for number, message in some]
                producer.flush(timeout=_SECONDS)
                yield from [(number, _outcome(future)) for number, future in flying]
        finally:
            producer.close(timeout=0)
    except (KafkaError, OSError) as error:
        raise StreamError(f"the Kafka broker at {servers} takes no messages: {error!r}; is it running?") from error


def _send(producer: Any, number: int, message: StreamMessage) -> Any:
    # kafka-python writes no null as the value of a header: an empty one stands for it.
    headers = [(_Name(name), value or b"") for name, value in message.headers if name != DEAD_LETTER_HEADER]
    headers.append((_Name(DEAD_LETTER_HEADER), str(number).encode()))
    try:
        return producer.send(
            message.topic.partition(_RETIRED)[0], key=message.key, value=message.value, headers=headers
        )
    except KafkaTimeoutError:
        raise
    except KafkaError as error:  # this message's own: too large, no such topic
        return error


def _outcome(future: Any) -> str | None:
    if isinstance(future, KafkaError):
        return str(future)
    try:
        future.get(timeout=_SECONDS)
    except KafkaTimeoutError:
        raise
    except KafkaError as error:
        return str(error)
    return None
