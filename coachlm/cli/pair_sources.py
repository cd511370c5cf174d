"""Data sets that commands take: a file of pairs in any common shape, or a database; read as they come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from coachlm.cli.stores import open_database
from coachlm.dataset import TextChoice
from coachlm.errors import ExportError, InputError
from coachlm.pairs import InstructionPair, Reject, RejectReason
from coachlm.settings import load_settings

MaybePair = InstructionPair | RejectReason


def read_pairs(source: str, text: TextChoice = TextChoice.FINAL) -> Iterator[MaybePair]:
    """Every record of a file, or every kept pair of a database URL with the wanted text, as a pair or a reason.

    Files: JSON array or lines, CSV or Parquet, compressed or not, with Alpaca's names or as an exported chat. Memory
    does not grow with the source. Raises: InputError, StoreError.
    """
    if "://" in source:
        yield from _from_database(source, text)
    else:
        yield from _from_file(source)


def pairs_only(source: str, text: TextChoice = TextChoice.FINAL) -> list[InstructionPair]:
    """All pairs at once; any record that is none is refused, as a figure over the rest would be another one.

    Raises: InputError, StoreError.
    """
    found: list[InstructionPair] = []
    for number, pair in enumerate(read_pairs(source, text), 1):
        if not isinstance(pair, InstructionPair):
            raise InputError(f"{source}, record {number}: {pair.value}; docs/evaluation.md says what a record may be")
        found.append(pair)
    if not found:
        raise InputError(f"{source} holds no pairs")
    return found


def _from_database(url: str, text: TextChoice) -> Iterator[InstructionPair]:
    from storage.reading import StoreReader

    with open_database(load_settings(database_url=url)) as database:
        for row in StoreReader(database).dataset_rows():
            yield row.text(text)


def _from_file(path: str) -> Iterator[MaybePair]:
    from evaluation.pair_records import pair_of
    from streams.records import ParseOptions
    from streams.sources import read_source

    if path != "-" and not Path(path).is_file():
        raise InputError(f"{path} is no file; give a file of pairs or a database URL (sqlite:///FILE)")
    for record in read_source(path, ParseOptions()):
        yield record.reason if isinstance(record, Reject) else pair_of(record.data)


@contextmanager
def pair_writer(path: Path | None) -> Iterator[Callable[[InstructionPair], None]]:
    """Takes pairs and writes Alpaca's records as JSON lines, the file appearing whole or not at all; None: nowhere.

    Raises: ExportError.
    """
    if path is None:
        yield lambda _: None
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield lambda pair: _write(file, pair)
        partial.replace(path)
    except OSError as error:
        raise ExportError(
            f"{path} can't be written: {error.strerror or error}; make room or give another file"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _write(file: BinaryIO, pair: InstructionPair) -> None:
    """Lone surrogates can't be written; they become question marks."""
    record = {name: text.encode("utf-8", "replace").decode() for name, text in pair.as_dict().items()}
    file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
