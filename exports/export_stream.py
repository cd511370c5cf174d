"""A data set as a stream of bytes, in the formats and with the records of `exports.export`, in flat memory."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from coachlm.desk.dataset import DatasetRow
from coachlm.desk.studies import RatedVersions
from exports.choices.export_options import ExportOptions
from exports.manifest import Tally
from exports.record_writers import open_writer
from exports.records import exported_rows
from exports.shapes.columns import columns
from exports.shapes.dialogues import texts_in

_PIECE_BYTES = 256 * 1024


def stream_dataset(
    rows: Iterable[DatasetRow], options: ExportOptions, rated: Iterable[RatedVersions] = ()
) -> Iterator[bytes]:
    """Pieces of the file that `export_dataset` would write without splits. It has no place for counts and hashes: a
    stream that was cut off is known by its ending alone.

    What UTF-8 can't write (lone surrogates) becomes U+FFFD: a stream that has begun can't be refused any more.
    """
    sink = _Sink()
    writer = open_writer(options.format, sink, columns(options))
    for row in exported_rows(rows, options, Tally(), rated):
        writer.write(_writable(row.record))
        if sink.size >= _PIECE_BYTES:
            yield sink.take()
    writer.close()
    yield sink.take()


class _Sink(io.BytesIO):
    """A file that forgets what was taken from it and still knows how long it is."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    @property
    def size(self) -> int:
        return super().tell()

    def tell(self) -> int:
        return self._taken + super().tell()

    def take(self) -> bytes:
        piece = self.getvalue()
        self._taken += len(piece)
        self.seek(0)
        self.truncate()
        return piece


def _writable(record: dict[str, Any]) -> dict[str, Any]:
    try:
        "".join(texts_in(record)).encode()
    except UnicodeEncodeError:
        return _mended(record)
    return record


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {name: _mended(inner) for name, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list) else value
