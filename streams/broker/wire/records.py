"""aiokafka's reader of records, made to read every record that Kafka can carry.

aiokafka 0.14 decodes the names of headers as strict UTF-8. One name of other bytes ends the consumer, whatever reads
it, at every start. Faust reads through aiokafka, too.
"""

from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy as _SlowBatch
from aiokafka.record.memory_records import MemoryRecords as _FastRecords
from aiokafka.record.memory_records import _MemoryRecordsPy as _Slices


def read_any_header() -> None:
    """From now on consumers of this process get names of headers that are no UTF-8 with surrogate escapes."""
    fetcher.MemoryRecords = _Records


class _Records:
    """The batches of one answer of the broker. Their bytes are walked beside aiokafka's own reader."""

    def __init__(self, data: bytes) -> None:
        self._fast: Any = _FastRecords(data)
        self._slices: Any = _Slices(data)

    def size_in_bytes(self) -> int:
        return self._fast.size_in_bytes()

    def has_next(self) -> bool:
        return self._fast.has_next()

    def next_batch(self) -> "_Batch":
        slice = self._slices._next_slice
        self._slices._cache_next()
        return _Batch(self._fast.next_batch(), slice)


class _Batch:
    """One batch: aiokafka's own, unless a name in it can't be decoded."""

    def __init__(self, batch: Any, slice: memoryview) -> None:
        self._batch = batch
        self._slice = slice

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The one record of a control batch, which has no headers."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        given = 0
        try:
            for record in self._batch:
                yield record
                given += 1
        except UnicodeDecodeError:
            for number, record in enumerate(_LenientBatch(self._slice)):
                if number >= given:
                    yield record


class _LenientBatch(_SlowBatch):  # pyright: ignore[reportGeneralTypeIssues]  # marked final
    """Reads names of headers with surrogate escapes."""

    def __iter__(self) -> "_LenientBatch":
        super().__iter__()
        self._buffer = _Buffer(self._buffer)
        return self


class _Buffer(bytearray):
    """Its slices decode with surrogate escapes: what aiokafka's reader decodes are the names of headers alone."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Text(found) if isinstance(place, slice) else found


class _Text(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)
