"""Writes the pairs of a store as a data set: one pass, flat memory, complete or not there at all."""

# See docs/decisions/0030-exports-are-whole-or-absent.md

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from coachlm import __version__
from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.desk.studies import RatedVersions
from coachlm.errors import ExportError
from coachlm.machine.files import sync
from exports.choices.export_formats import PREFERENCES, SUFFIXES
from exports.choices.export_options import KEPT_STATUSES, PROVENANCE_COLUMNS, ExportOptions
from exports.choices.splits import TEST, TRAIN, VALIDATION, split_of
from exports.data_card import render_card
from exports.llama_factory import INFO_NAME, is_ours, render_info
from exports.manifest import MANIFEST_NAME, ExportedFile, Manifest, Tally, check_balance, is_export
from exports.record_writers import RecordWriter, open_writer
from exports.records import exported_rows
from exports.shapes.columns import columns
from exports.shapes.dialogues import texts_in

__all__ = ["CARD_NAME", "KEPT_STATUSES", "PROVENANCE_COLUMNS", "ExportOptions", "export_dataset"]

CARD_NAME = "README.md"
_PARTIAL = ".coachlm-partial-"
DATA_NAMES = tuple(
    f"{stem}{suffix}" for stem in ("data", TRAIN, VALIDATION, TEST) for suffix in sorted(set(SUFFIXES.values()))
)
"""All names that files of rows have."""


def export_dataset(
    rows: Iterable[DatasetRow],
    counts: FlowCounts,
    folder: Path,
    options: ExportOptions | None = None,
    rated: Iterable[RatedVersions] = (),
) -> Manifest:
    """Write a data set with data card and manifest into `folder`, in place of an earlier export there.

    The files are written beside their final place and moved when all of them are whole, the manifest last; whatever
    fails before leaves the folder as it was. `rows` are all pairs of the store, whatever their status, where
    `options.is_whole` with the turns of each conversation together, and `counts` are of the same moment: what is left
    out is counted, too. `rated`: what raters thought.

    Raises: ExportError, for a folder that holds other things (unless `options.overwrite`), counts that do not
    balance, a full disk.
    """
    options = options or ExportOptions()
    try:
        with _staging(folder, overwrite=options.overwrite) as staging:
            manifest = _write_all(rows, counts, staging, options, rated)
            _install(staging, folder, manifest)
            return manifest
    except OSError as error:
        raise ExportError(
            f"can't write the data set to {folder}: {error.strerror or error}. Make room, check the permissions or "
            "choose another folder, then export again"
        ) from error


def _write_all(
    rows: Iterable[DatasetRow],
    counts: FlowCounts,
    staging: Path,
    options: ExportOptions,
    rated: Iterable[RatedVersions],
) -> Manifest:
    tally = Tally()
    rows_by_split = _write_rows(rows, staging, options, tally, rated)
    check_balance(counts, tally)
    files = [_describe(staging / options.file_name(split), split, n) for split, n in rows_by_split.items()]
    manifest = _manifest(options, tally, counts, tuple(files))
    (staging / CARD_NAME).write_text(render_card(manifest, options), encoding="utf-8")
    if (info := render_info(manifest)) is not None:
        (staging / INFO_NAME).write_text(info, encoding="utf-8")
    (staging / MANIFEST_NAME).write_bytes(manifest.to_json())
    return manifest


def _manifest(options: ExportOptions, tally: Tally, counts: FlowCounts, files: tuple[ExportedFile, ...]) -> Manifest:
    is_preference = options.format in PREFERENCES
    return Manifest(
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
        files=files,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=__version__,
        pairs=tally.pairs,
        left_out_because=dict(tally.because),
        rows_are="conversations" if options.is_whole else "answers" if is_preference else "pairs",
        train_on=options.train_on.value if options.is_whole else None,
        rejected=tuple(sorted(options.losers)) if is_preference else (),
        rows_by_rejected=dict(tally.by_rejected),
        rated_pairs=tally.rated,
        selection=options.selection.as_dict(),
        validation_share=options.validation_share,
        split_seed=options.split_seed,
        columns={column.name: column.about for column in columns(options)},
    )


def _write_rows(
    rows: Iterable[DatasetRow], staging: Path, options: ExportOptions, tally: Tally, rated: Iterable[RatedVersions]
) -> dict[str, int]:
    """Rows per split. Raises: ExportError, for a text that UTF-8 can't write."""
    with ExitStack() as stack:
        writers: dict[str, RecordWriter] = {}
        for split in options.splits:
            file = stack.enter_context((staging / options.file_name(split)).open("wb"))
            writers[split] = open_writer(options.format, file, columns(options))
            stack.callback(writers[split].close)
        written = dict.fromkeys(options.splits, 0)
        for row in exported_rows(rows, options, tally, rated):
            try:
                "".join(texts_in(row.record)).encode()
            except UnicodeEncodeError as error:
                raise ExportError(f"{row.name} holds a lone surrogate; exclude it and export again") from error
            split = split_of(row.conversation, options.test_share, options.validation_share, options.split_seed)
            writers[split].write(row.record)
            written[split] += 1
        return written


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
        for name in DATA_NAMES:
            (folder / name).unlink(missing_ok=True)
        if is_ours(folder / INFO_NAME):
            (folder / INFO_NAME).unlink()
    names = [*(file.name for file in manifest.files), CARD_NAME]
    if (staging / INFO_NAME).exists() and not (folder / INFO_NAME).exists():  # one that is there describes other sets
        names.append(INFO_NAME)
    for name in names:
        (staging / name).replace(folder / name)
    sync(folder)
    (staging / MANIFEST_NAME).replace(folder / MANIFEST_NAME)
    sync(folder)
