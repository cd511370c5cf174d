"""A data set as a stream of bytes, in the formats and with the records of `exports.export`, in flat memory."""

import io
from collections.abc import Iterable, Iterator

from coachlm.desk.dataset import DatasetRow
from coachlm.pairs import InstructionPair
from exports.export import ExportOptions, columns, record_of
from exports.record_writers import open_writer

_PIECE_BYTES = 256 * 1024


def stream_dataset(rows: Iterable[DatasetRow], options: ExportOptions) -> Iterator[bytes]:
    """Pieces of the file that `export_dataset` would write without splits. It has no place for counts and hashes: a
    stream that was cut off is known by its ending alone.

    What UTF-8 can't write (lone surrogates) becomes U+FFFD: a stream that has begun can't be refused any more.
    """
    sink = _Sink()
    writer = open_writer(options.format, sink, columns(options))
    for row in rows:
        if row.status in options.statuses:
            writer.write(record_of(row, _writable(row.text(options.text)), options))
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


def _writable(pair: InstructionPair) -> InstructionPair:
    texts = (pair.instruction, pair.input, pair.response)
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        mended = (text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts)
        return InstructionPair(*mended, context=pair.context)
    return pair
