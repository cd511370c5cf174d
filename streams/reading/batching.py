"""Batches of records: at most so many, and not much more than so many bytes."""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import Reject
from streams.reading.sources.records import RawRecord

BATCH_BYTES = 16_000_000


def take_batch(records: Iterator[RawRecord | Reject], count: int) -> list[RawRecord | Reject]:
    """The next ones; none at the end. A batch ends behind the record with which it has `BATCH_BYTES`."""
    batch: list[RawRecord | Reject] = []
    size = 0
    while len(batch) < count and size < BATCH_BYTES and (record := next(records, None)) is not None:
        batch.append(record)
        size += _size(record.data) if isinstance(record, RawRecord) else 0
    return batch


def _size(value: Any) -> int:
    """Of the texts within, roughly."""
    size, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str | bytes):
            size += len(each)
        elif isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return size
