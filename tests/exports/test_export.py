"""An export is complete or not there, says truly what it holds, and never touches what is not its own."""

import hashlib
import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from coachlm.desk.dataset import TextChoice
from coachlm.errors import CoachLMError, ExportError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.status import Status
from exports.choices.export_formats import ExportFormat
from exports.export import PROVENANCE_COLUMNS, ExportOptions, export_dataset
from tests.dataset_rows import PAIR_FORMATS, counts_of, make_row

ROWS = [
    make_row(("Name a fruit", "", "aple"), ("Name a fruit.", "", "Apple."), Status.REVISED, adapter="a1b2"),
    make_row(("Add", "1 and 2", "3"), outcome=Outcome.FALLBACK_GUARD, reason="code_fence", status=Status.REVISED),
    make_row(
        ("say hi", "", "hi"), ("Say hi.", "", "Hi!"), Status.APPROVED, final=InstructionPair("Greet me.", "", "Hello!")
    ),
    make_row(("See [link]", "", "I can't open links"), status=Status.EXCLUDED),
    make_row(("Name a fruit", "", "aple!"), status=Status.DUPLICATE, duplicate_of="0" * 32),
]


def _export(folder: Path, rows=ROWS, **options):
    return export_dataset(rows, counts_of(rows), folder, ExportOptions(**options))


def _texts(folder: Path) -> list[str]:
    return [record["output"] for record in json.loads((folder / "data.json").read_text())]


@pytest.mark.parametrize(
    ("choice", "outputs"),
    [
        (TextChoice.RAW, ["aple", "3", "hi"]),
        (TextChoice.REVISED, ["Apple.", "3", "Hi!"]),
        (TextChoice.FINAL, ["Apple.", "3", "Hello!"]),
    ],
)
def test_the_chosen_text_is_written_and_excluded_pairs_and_copies_are_not(tmp_path, choice, outputs):
    _export(tmp_path / "set", text=choice)
    assert _texts(tmp_path / "set") == outputs


def test_excluded_pairs_and_copies_are_written_when_asked_for(tmp_path):
    manifest = _export(tmp_path / "set", statuses=frozenset(Status))
    assert manifest.rows == len(ROWS)
    assert manifest.left_out == {}


def test_manifest_counts_balance_and_hashes_are_those_of_the_files(tmp_path):
    _export(tmp_path / "set")
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["rows"] + sum(manifest["left_out"].values()) == manifest["flow"]["pairs"] == len(ROWS)
    assert manifest["left_out"] == {"excluded": 1, "duplicate": 1}
    assert manifest["rows_by_text"] == {"revised": 1, "raw": 1, "final": 1}
    assert manifest["adapters"] == {"a1b2": 1}
    (file,) = manifest["files"]
    data = (tmp_path / "set" / file["name"]).read_bytes()
    assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "wrong",
    [
        {"occurrences": 9},
        {"pairs": 4},
        {"by_status": {"revised": 3, "excluded": 1, "duplicate": 1}},
        {"excluded_by_reason": {"safety": 2}},
    ],
)
def test_counts_that_do_not_balance_refuse_the_export(tmp_path, wrong):
    with pytest.raises(ExportError, match="do not balance"):
        export_dataset(ROWS, replace(counts_of(ROWS), **wrong), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_provenance_columns_are_text_and_never_hold_user_hashes(tmp_path):
    _export(tmp_path / "set", provenance=True)
    first = json.loads((tmp_path / "set/data.json").read_text())[0]
    assert tuple(first)[3:] == PROVENANCE_COLUMNS
    assert first["id"] == ROWS[0].pair_id
    assert first["adapter"] == "a1b2"
    assert first["duplicate_of"] == ""
    assert "5a1ed" not in (tmp_path / "set/data.json").read_text()


def test_turns_of_a_conversation_stay_in_one_split_whatever_else_is_exported(tmp_path):
    rows = [make_row((f"Question {n}", "", f"Answer {n}"), session=f"s{n // 4}", record=n) for n in range(400)]
    manifest = _export(tmp_path / "set", rows, test_share=0.2)
    splits = {
        record["instruction"]: split
        for split in ("train", "test")
        for record in json.loads((tmp_path / f"set/{split}.json").read_text())
    }
    assert all(len({splits[f"Question {4 * s + turn}"] for turn in range(4)}) == 1 for s in range(100))
    assert {file.split: file.rows > 0 for file in manifest.files} == {"train": True, "test": True}
    assert sum(file.rows for file in manifest.files) == 400
    _export(tmp_path / "half", rows[::2], test_share=0.2)
    again = json.loads((tmp_path / "half/test.json").read_text())
    assert {splits[record["instruction"]] for record in again} == {"test"}


def test_copies_in_two_splits_are_refused():
    with pytest.raises(ExportError, match="both splits"):
        ExportOptions(test_share=0.1, statuses=frozenset(Status))


class _StoreDiedError(CoachLMError):
    pass


def _dying_rows(error: BaseException):
    yield from ROWS[:2]
    raise error


@pytest.mark.parametrize("error", [_StoreDiedError("gone"), KeyboardInterrupt()])
def test_an_export_that_dies_leaves_no_folder(tmp_path, error):
    with pytest.raises(type(error)):
        export_dataset(_dying_rows(error), counts_of(ROWS), tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_dies_leaves_the_earlier_one_as_it_was(tmp_path):
    _export(tmp_path, provenance=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(_StoreDiedError):
        export_dataset(_dying_rows(_StoreDiedError()), counts_of(ROWS), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_earlier_export_is_replaced_and_what_else_lies_there_stays(tmp_path):
    _export(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".coachlm-partial-dead").mkdir()  # an export that was killed
    _export(tmp_path, format=ExportFormat.CHAT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "data.jsonl", "manifest.json", "notes.txt"]


def test_a_folder_of_other_things_is_refused_and_overwrite_spares_them(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "manifest.json").write_text('{"schema": "of another program"}')
    with pytest.raises(ExportError, match="--overwrite"):
        _export(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "manifest.json"}
    _export(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert _texts(tmp_path) == ["Apple.", "3", "Hello!"]


def test_a_replacement_that_fails_half_way_leaves_no_manifest_that_claims_completeness(tmp_path):
    _export(tmp_path)
    (tmp_path / "README.md").unlink()
    (tmp_path / "README.md/in the way").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"README|directory"):
        _export(tmp_path, text=TextChoice.RAW)
    assert not (tmp_path / "manifest.json").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "set").write_text("mine")
    with pytest.raises(ExportError, match="is a file"):
        _export(tmp_path / "set")


@pytest.mark.parametrize("format", PAIR_FORMATS)
def test_a_full_disk_is_an_error_with_a_remedy_and_leaves_nothing(tmp_path, format):
    rows = [make_row((f"{n} {hashlib.sha512(str(n).encode()).hexdigest()}", "", "yes")) for n in range(5_000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ExportError, match="Make room"):
            _export(tmp_path / "set", rows, format=format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_no_file_can_hold_names_its_pair(tmp_path):
    row = make_row(("half an emoji \ud83d", "", "yes"))
    with pytest.raises(ExportError, match=row.pair_id):
        _export(tmp_path / "set", [row])


_MEMORY = """
import resource, sys
from pathlib import Path
from coachlm.desk.dataset import FlowCounts
from exports.export import ExportOptions, export_dataset
from exports.choices.export_formats import ExportFormat
from tests.dataset_rows import make_row
count, format, folder = int(sys.argv[1]), ExportFormat(sys.argv[2]), Path(sys.argv[3])
rows = (make_row((f"Question {n} " + "word " * 60, "", f"Answer {n} " * 60), record=n) for n in range(count))
counts = FlowCounts(occurrences=count, pairs=count, by_status={"accepted": count})
export_dataset(rows, counts, folder, ExportOptions(format=format))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("format", [ExportFormat.ALPACA, ExportFormat.PARQUET])
def test_memory_is_flat(tmp_path, format):
    """100,000 rows (about 110 MB of text) against a tenth of them."""

    def peak_mb(count: int) -> int:
        command = [sys.executable, "-c", _MEMORY, str(count), format.value, str(tmp_path / str(count))]
        root = Path(__file__).parents[2]
        return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout)

    assert peak_mb(100_000) - peak_mb(10_000) < 60
