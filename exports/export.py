"""Writes the pairs of a store as a data set: one pass, flat memory, complete or not there at all."""

# See docs/decisions/0030-exports-are-whole-or-absent.md

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import xxhash

from coachlm import __version__
from coachlm.desk.dataset import DatasetRow, FlowCounts, TextChoice
from coachlm.errors import ExportError
from coachlm.machine.files import sync
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from exports.chat_shapes import spoken, system_prompt
from exports.data_card import render_card
from exports.export_formats import SUFFIXES, ExportFormat, Record, shape
from exports.manifest import MANIFEST_NAME, ExportedFile, Manifest, Tally, check_balance, is_export, text_stage
from exports.record_writers import RecordWriter, open_writer

CARD_NAME = "README.md"
KEPT_STATUSES = frozenset(Status) - {Status.EXCLUDED, Status.DUPLICATE}
PROVENANCE_COLUMNS = (
    "id",
    "status",
    "text_stage",
    "task_class",
    "source_format",
    "language",
    "engine",
    "adapter",
    "outcome",
    "exclude_reason",
    "duplicate_of",
)
_PARTIAL = ".coachlm-partial-"
_DATA_NAMES = tuple(f"{stem}{suffix}" for stem in ("data", "train", "test") for suffix in set(SUFFIXES.values()))


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What goes into a data set and how it is written."""

    format: ExportFormat = ExportFormat.ALPACA
    text: TextChoice = TextChoice.FINAL
    statuses: frozenset[Status] = KEPT_STATUSES  # add EXCLUDED or DUPLICATE to write these too
    provenance: bool = False  # the columns of PROVENANCE_COLUMNS beside each pair; hashes of users never
    test_share: float = 0.0  # part of the conversations, 0 to 1, that becomes the split `test`
    name: str = "CoachLM data set"
    license: str | None = None  # an identifier of the Hugging Face hub; None leaves a place to fill in the card
    overwrite: bool = False  # write into a folder that holds other things; they stay as they are

    def __post_init__(self) -> None:
        if not 0 <= self.test_share < 1:
            raise ExportError(f"the share of the test split is {self.test_share}; choose one from 0 up to below 1")
        if self.test_share and Status.DUPLICATE in self.statuses:
            raise ExportError("near copies would stand in both splits; leave duplicates out or write one split")

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test") if self.test_share else ("train",)

    def file_name(self, split: str) -> str:
        return f"{split if self.test_share else 'data'}{SUFFIXES[self.format]}"


def export_dataset(
    rows: Iterable[DatasetRow], counts: FlowCounts, folder: Path, options: ExportOptions | None = None
) -> Manifest:
    """Write a data set with data card and manifest into `folder`, in place of an earlier export there.

    The files are written beside their final place and moved when all of them are whole, the manifest last; whatever
    fails before leaves the folder as it was. `rows` are all pairs of the store, whatever their status, and `counts` are
    of the same moment: what is left out is counted, too.

    Raises: ExportError, for a folder that holds other things (unless `options.overwrite`), counts that do not
    balance, a full disk.
    """
    options = options or ExportOptions()
    try:
        with _staging(folder, overwrite=options.overwrite) as staging:
            manifest = _write_all(rows, counts, staging, options)
            _install(staging, folder, manifest)
            return manifest
    except OSError as error:
        raise ExportError(
            f"can't write the data set to {folder}: {error.strerror or error}. Make room, check the permissions or "
            "choose another folder, then export again"
        ) from error


def _write_all(rows: Iterable[DatasetRow], counts: FlowCounts, staging: Path, options: ExportOptions) -> Manifest:
    tally = Tally()
    rows_by_split = _write_rows(rows, staging, options, tally)
    check_balance(counts, tally)
    files = [_describe(staging / options.file_name(split), split, n) for split, n in rows_by_split.items()]
    manifest = Manifest(
        name=options.name,
        format=options.format.value,
        text=options.text,
        statuses=tuple(sorted(options.statuses)),
        test_share=options.test_share,
        license=options.license,
        rows=tally.rows,
        left_out=dict(tally.left_out),
        rows_by_status=dict(tally.by_status),
        rows_by_text=dict(tally.by_text),
        rows_by_class=dict(tally.by_class),
        rows_by_language=dict(tally.by_language),
        engines=dict(tally.engines),
        adapters=dict(tally.adapters),
        mean_words=tally.mean_words(),
        flow=counts,
        files=tuple(files),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=__version__,
    )
    (staging / CARD_NAME).write_text(render_card(manifest), encoding="utf-8")
    (staging / MANIFEST_NAME).write_bytes(manifest.to_json())
    return manifest


def _write_rows(rows: Iterable[DatasetRow], staging: Path, options: ExportOptions, tally: Tally) -> dict[str, int]:
    """Rows per split."""
    with ExitStack() as stack:
        writers: dict[str, RecordWriter] = {}
        for split in options.splits:
            file = stack.enter_context((staging / options.file_name(split)).open("wb"))
            writers[split] = open_writer(options.format, file, columns(options))
            stack.callback(writers[split].close)
        written = dict.fromkeys(options.splits, 0)
        for row in rows:
            if row.status not in options.statuses:
                tally.leave_out(row)
                continue
            split = _split(row, options.test_share)
            writers[split].write(record_of(row, row.text(options.text), options))
            tally.write(row, options.text)
            written[split] += 1
        return written


def columns(options: ExportOptions) -> tuple[str, ...]:
    return ("instruction", "input", "output", *(PROVENANCE_COLUMNS if options.provenance else ()))


def record_of(row: DatasetRow, pair: InstructionPair, options: ExportOptions) -> Record:
    """The row with this text. Raises: ExportError, for a text that UTF-8 can't write."""
    try:
        "".join((*pair.texts, system_prompt(pair), *(message.text for message in spoken(pair)))).encode()
    except UnicodeEncodeError as error:
        raise ExportError(f"pair {row.pair_id} holds a lone surrogate; exclude it and export again") from error
    record = shape(options.format, pair)
    return record | _provenance(row, options.text) if options.provenance else record


def _provenance(row: DatasetRow, choice: TextChoice) -> dict[str, str]:
    """The values of PROVENANCE_COLUMNS; empty instead of null, so that loaders infer text for every column."""
    revision = row.revision if choice is not TextChoice.RAW else None
    values = (
        row.pair_id,
        row.status,
        text_stage(row, choice),
        row.task_class,
        row.provenance.format,
        row.provenance.language,
        revision and revision.engine,
        revision and revision.adapter,
        revision and revision.outcome,
        row.exclude_reason,
        row.duplicate_of,
    )
    return {name: str(value or "") for name, value in zip(PROVENANCE_COLUMNS, values, strict=True)}


def _split(row: DatasetRow, test_share: float) -> str:
    """The same for all turns of a conversation and in every export, whatever else the store holds."""
    if not test_share:
        return "train"
    position = row.provenance.position
    conversation = row.provenance.session_hash or f"{position.source}\0{position.record}"
    draw = xxhash.xxh3_64_intdigest(conversation.encode("utf-8", "surrogatepass")) / 2**64
    return "test" if draw < test_share else "train"


def _describe(path: Path, split: str, rows: int) -> ExportedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportedFile(name=path.name, split=split, rows=rows, bytes=path.stat().st_size, sha256=digest)


@contextmanager
def _staging(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder for files in the making, inside `folder`; afterwards it is gone, and `folder` too if it was made for
    nothing."""
    is_new = not folder.exists()
    if not is_new and not folder.is_dir():
        raise ExportError(f"{folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{_PARTIAL}*"):  # an export that was killed
        shutil.rmtree(stale, ignore_errors=True)
    if any(folder.iterdir()) and not is_export(folder) and not overwrite:
        raise ExportError(
            f"{folder} holds other things than an export; choose an empty folder, or overwrite (--overwrite): the "
            "data set's files are put beside what is there"
        )
    staging = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def _install(staging: Path, folder: Path, manifest: Manifest) -> None:
    """Move the files to their place. The old manifest goes first and the new one comes last, so that a folder with a
    manifest is complete at every moment."""
    for path in staging.iterdir():
        sync(path)
    if is_export(folder):
        (folder / MANIFEST_NAME).unlink()
        for name in _DATA_NAMES:
            (folder / name).unlink(missing_ok=True)
    for name in (*(file.name for file in manifest.files), CARD_NAME):
        (staging / name).replace(folder / name)
    sync(folder)
    (staging / MANIFEST_NAME).replace(folder / MANIFEST_NAME)
    sync(folder)
