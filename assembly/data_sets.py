"""Data sets that commands take: a file of pairs in any common shape, or a database; read as they come."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assembly.stores import open_database
from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.errors import ExportError, InputError
from coachlm.machine.files import whole_file
from coachlm.pairs import InstructionPair, Reject, RejectReason
from coachlm.settings import load_settings

if TYPE_CHECKING:
    from streams.reading.sources.records import RawRecord

PUBLIC_FOLDER = "COACHLM_DATA_DIR"

MaybePair = InstructionPair | RejectReason


def read_pairs(
    source: str, text: TextChoice = TextChoice.FINAL, questions: Mapping[str, str] | None = None
) -> Iterator[MaybePair]:
    """Every record of a file, or every kept pair of a database URL, with the wanted text, as a pair or a reason.

    Files: JSON array or lines, CSV or Parquet, compressed or not, with Alpaca's names, as an exported chat, as a
    revision with both sides, or as answers to `questions`. Memory does not grow with the source. Raises: InputError,
    StoreError.
    """
    if "://" in source:
        yield from (row.text(text) for row in stored_rows(source))
    else:
        yield from _from_file(source, text, questions)


def pairs_only(
    source: str, text: TextChoice = TextChoice.FINAL, questions: Mapping[str, str] | None = None
) -> list[InstructionPair]:
    """All pairs at once; any record that is none is refused, as a figure over the rest would be another one.

    Raises: InputError, StoreError.
    """
    found: list[InstructionPair] = []
    for number, pair in enumerate(read_pairs(source, text, questions), 1):
        if not isinstance(pair, InstructionPair):
            hint = "; answers that name their question by an id need --questions FILE" if questions is None else ""
            raise InputError(f"{source}, record {number}: {pair.value}; see docs/how-to/evaluate.md{hint}")
        found.append(pair)
    if not found:
        raise InputError(f"{source} holds no pairs")
    return found


def source_name(source: str) -> str:
    """Without folders and passwords."""
    return source.rsplit("/", 1)[-1].split("?")[0] or source.split("://")[0]


def stored_rows(url: str) -> Iterator[DatasetRow]:
    """Every kept pair of a database, in order of arrival. Raises: StoreError."""
    from storage.reading import StoreReader

    with open_database(load_settings(database_url=url)) as database:
        yield from StoreReader(database).dataset_rows()


def read_questions(path: Path | None) -> dict[str, str] | None:
    """`question_id` → what is asked, of a file of questions. Raises: InputError."""
    from evaluation.sets.pair_records import question_of
    from evaluation.sets.test_sets import read_records

    return None if path is None else dict(read_records(path, question_of))


def is_file_of_revisions(source: str) -> bool:
    """Whether its first record holds a pair before and after. Raises: InputError."""
    from evaluation.sets.pair_records import holds_both_sides

    if "://" in source:
        return False
    first = next(_records(source), None)
    try:
        return not isinstance(first, Reject | None) and holds_both_sides(_decoded(first.data))
    except ValueError:
        return False


def _decoded(data: object) -> object:
    return json.loads(data) if isinstance(data, bytes) else data


def _from_file(path: str, text: TextChoice, questions: Mapping[str, str] | None) -> Iterator[MaybePair]:
    from evaluation.sets.pair_records import pair_of

    for record in _records(path):
        yield record.reason if isinstance(record, Reject) else pair_of(record.data, text, questions)


def _records(path: str) -> "Iterator[RawRecord | Reject]":
    from streams.reading.sources import read_source
    from streams.reading.sources.records import ParseOptions

    if path != "-" and not Path(path).is_file():
        raise InputError(f"{path} is not a file; give a file of pairs or a database URL (sqlite:///FILE)")
    yield from read_source(path, ParseOptions())


@contextmanager
def pair_writer(path: Path | None) -> Iterator[Callable[[InstructionPair], None]]:
    """Takes pairs and writes them as Alpaca's records; see `lines_writer`."""
    with lines_writer(path) as write:
        yield lambda pair: write(json_line(pair.as_dict()))


@contextmanager
def lines_writer(path: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Takes lines without their ends, the file appearing whole or not at all; None: nowhere. Raises: ExportError."""
    if path is None:
        yield lambda _: None
        return
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            yield lambda line: file.writelines((line, b"\n"))
    except OSError as error:
        raise ExportError(f"{path} can't be written: {error}; make room or give another place") from error


def json_line(record: Mapping[str, object]) -> bytes:
    """Lone surrogates can't be written; they become question marks."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def public_folder(given: Path | None = None) -> Path:
    """The folder of public data. Raises: InputError, when there is none."""
    name = os.environ.get(PUBLIC_FOLDER)
    folder = given or (Path(name) if name else None)
    if folder is None or not folder.is_dir():
        raise InputError(
            f"no folder of public data: give --folder or set {PUBLIC_FOLDER}; see docs/reference/public-data.md"
        )
    return folder
