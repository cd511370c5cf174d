"""Amazon SageMaker's data capture. Source: AWS, "Capture data from real-time endpoint"."""

import base64
import binascii
from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome


def matches(record: Record) -> bool:
    return isinstance(record.get("captureData"), dict)


def read(record: Record) -> Iterator[Outcome]:
    captured, event = record["captureData"], mapping(record.get("eventMetadata"))
    told = {"id": name_of(event, "eventId", "inferenceId"), "timestamp": time_of(event, "inferenceTime")}
    halves = Halves(_data(captured, "endpointInput"), _data(captured, "endpointOutput"))
    for outcome in read_exchange(halves):
        yield fill(outcome, told) if isinstance(outcome, Chat) else outcome


def _data(captured: Record, side: str) -> str | None:
    """Raises: EntryError, `unreadable`, for what is no text."""
    half = mapping(captured.get(side))
    data = half.get("data")
    if not isinstance(data, str) or half.get("encoding") != "BASE64":
        return data if isinstance(data, str) else None
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise EntryError(RejectReason.UNREADABLE, f"`{side}` is no text in base64") from None


FORMAT = LogFormat("sagemaker", "Amazon SageMaker's data capture", matches, read, strict=True)
