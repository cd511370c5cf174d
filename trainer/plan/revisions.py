"""Where expert revisions come from: the paper's published file, Alpaca-style files, approved post-edits."""

import gzip
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import orjson

from coachlm.coaching.adapters import is_held_out
from coachlm.desk.dataset import DatasetRow
from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, RejectReason
from coachlm.status import Status

MAX_CHARS = 200_000
"""A longer pair fits no model's context, and its edit distance alone would take seconds."""
_RAW = ("Raw Instruction", "Raw Input", "Raw Response")
_REVISED = ("Revised Instruction", "Revised Input", "Revised Response")


@dataclass(frozen=True, slots=True)
class ExpertRevision:
    """A pair before and after a person revised it."""

    raw: InstructionPair
    revised: InstructionPair
    stated_distance: int | None = None  # what the source itself says
    weight: float = 1.0  # of its loss


@dataclass(frozen=True, slots=True)
class Source:
    """A set of expert revisions that can be read once."""

    name: str  # for the record; names the content of files by digest
    revisions: Callable[[Counter[str]], Iterable[ExpertRevision]]  # counts rejects by reason while it is read


class ApprovedPairs(Protocol):
    """A store that hands out its pairs by status; `storage.reading.StoreReader` is one."""

    def dataset_rows(self, *, statuses: Iterable[Status] | None = None) -> Iterator[DatasetRow]: ...


def approved_source(
    store: ApprovedPairs, held_out_share: float = 0.0, leave_out: Callable[[DatasetRow], bool] = lambda _: False
) -> Source:
    """What the owners approved, in order of arrival; machine-only pairs are no experts' and are not among them.

    The share that is held out for the gate is left out; see `held_out_pairs`. `leave_out`: what a teacher brings.
    """

    def revisions(rejects: Counter[str]) -> Iterator[ExpertRevision]:
        for row in store.dataset_rows(statuses=[Status.APPROVED]):
            if row.final is None:
                rejects["no_final_text"] += 1
            elif is_held_out(row.pair_id, held_out_share):
                rejects["held_out"] += 1
            elif leave_out(row):
                rejects["taught"] += 1
            else:
                yield ExpertRevision(row.raw, row.final)

    return Source("approved pairs of the database", revisions)


def held_out_pairs(store: ApprovedPairs, share: float, limit: int) -> list[ExpertRevision]:
    """The newest `limit` approved pairs that belong to the gate."""
    rows = (row for row in store.dataset_rows(statuses=[Status.APPROVED]) if is_held_out(row.pair_id, share))
    newest = deque((ExpertRevision(row.raw, row.final) for row in rows if row.final is not None), maxlen=limit)
    return list(newest)


def file_source(path: Path, raw_path: Path | None = None) -> Source:
    """See `read_revisions`. Raises: TrainingError, when a file can't be read."""
    paths = [path] if raw_path is None else [raw_path, path]
    names = " and ".join(f"{part.name} (sha256:{file_digest(part)})" for part in paths)
    return Source(names, lambda rejects: read_revisions(path, raw_path, rejects))


def read_revisions(path: Path, raw_path: Path | None, rejects: Counter[str]) -> Iterator[ExpertRevision]:
    """The revisions of a file, or of two: `path` with the revised pairs, `raw_path` with the raw ones, row by row.

    JSON lines (streamed) or one JSON array (held whole), gzipped or not; the paper's field names (`Raw Instruction`,
    …, `Distance`) or Alpaca's under `raw` and `revised`; two files are plain Alpaca. What is no revision is counted in
    `rejects` by its reason.

    Raises: TrainingError, when a file can't be read or the two differ in length.
    """
    records = read_records(path) if raw_path is None else _side_by_side(path, raw_path)
    for record in records:
        found = _revision(record)
        if isinstance(found, ExpertRevision):
            yield found
        else:
            rejects[found.value] += 1


def file_digest(path: Path) -> str:
    """sha256, hex. Raises: TrainingError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _side_by_side(path: Path, raw_path: Path) -> Iterator[object]:
    missing = object()
    for raw, revised in zip_longest(read_records(raw_path), read_records(path), fillvalue=missing):
        if raw is missing or revised is missing:
            raise TrainingError(
                f"{raw_path} and {path} differ in length: row n of one must be the raw pair of row n of the other"
            )
        yield {"raw": raw, "revised": revised}


def read_records(path: Path) -> Iterator[object]:
    """JSON values; None for a line that is none."""
    try:
        with _open(path) as file:
            start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            if start[:1] == b"[":
                values = orjson.loads(file.read().removeprefix(b"\xef\xbb\xbf"))
                yield from values
                return
            for line in file:
                if text := line.removeprefix(b"\xef\xbb\xbf").strip():
                    yield _loads(text)
    except (OSError, EOFError, ValueError) as error:
        raise _unreadable(path, error) from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if zipped else path.open("rb")


def _loads(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _revision(record: object) -> ExpertRevision | RejectReason:
    if record is None:
        return RejectReason.MALFORMED_JSON
    if not isinstance(record, dict):
        return RejectReason.MALFORMED_RECORD
    if _RAW[0] in record:
        raw, revised = _pair(record, _RAW), _pair(record, _REVISED)
    elif "raw" in record and "revised" in record:
        raw, revised = alpaca_pair(record["raw"]), alpaca_pair(record["revised"])
    else:
        return RejectReason.UNKNOWN_SHAPE
    if raw is None or revised is None:
        return RejectReason.MALFORMED_RECORD
    if max(_chars(raw), _chars(revised)) > MAX_CHARS:
        return RejectReason.TOO_LONG
    stated = record.get("Distance")
    return ExpertRevision(raw, revised, stated if isinstance(stated, int) else None)


def alpaca_pair(record: object) -> InstructionPair | None:
    if not isinstance(record, dict):
        return None
    return _pair(record, ("instruction", "input", "output" if "output" in record else "response"))


def _pair(record: dict[str, Any], names: tuple[str, str, str]) -> InstructionPair | None:
    """A missing or null field is empty; any other value than text makes it no pair."""
    instruction, extra, response = (record.get(name) or "" for name in names)
    texts = instruction, extra, response
    return InstructionPair(instruction, extra, response) if all(isinstance(text, str) for text in texts) else None


def _chars(pair: InstructionPair) -> int:
    return len(pair.instruction) + len(pair.input) + len(pair.response)


def _unreadable(path: Path, error: Exception) -> TrainingError:
    return TrainingError(f"{path} can't be read: {error}; give JSON lines or one JSON array, gzipped or not")
