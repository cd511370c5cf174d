"""Every format loads in `datasets` as is and gives back the very pairs that went in, hostile text included."""

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.status import Status
from coachlm.text.spreadsheets import defuse_cell, restore_cell
from coachlm.text.user_text import join_user_text, split_user_text
from exports.choices.export_formats import ExportFormat
from exports.export import ExportOptions, export_dataset
from tests.dataset_rows import PAIR_FORMATS, counts_of, make_row

HOSTILE = [
    InstructionPair('=HYPERLINK("http://example.com")', "+1+cmd|' /C calc'!A0", "@SUM(1,1)"),
    InstructionPair("two\u2028lines\u2029and\u0085more", "", "a\x00b \x1b[31mred"),
    InstructionPair("<script>alert(1)</script>", "</textarea>", "`rm -rf`; DROP TABLE pairs; --"),
    InstructionPair("emoji 👩‍🔬 and שלום and \u202eeser", "你好", "None"),
    InstructionPair('quote " comma , tab \t back \\', "line\nline\r\nline", "NA"),
    InstructionPair("  indented", "\n\n  code\n\n", "    return 1\n"),
    InstructionPair("'=quoted formula", "", "'"),
]


def _read(path: Path) -> list[InstructionPair]:
    match path.suffix:
        case ".json":
            records = json.loads(path.read_text(encoding="utf-8"))
        case ".jsonl":
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        case ".parquet":
            records = pq.read_table(path).to_pylist()
        case _:
            with path.open(encoding="utf-8", newline="") as file:
                records = [{k: restore_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]
    return [_pair(record) for record in records]


def _pair(record: dict) -> InstructionPair:
    if "instruction" in record:
        return InstructionPair(record["instruction"], record["input"], record["output"])
    if "messages" in record:
        (user, answer) = record["messages"][-2:]
        assert (user["role"], answer["role"]) == ("user", "assistant")
        content, response = user["content"], answer["content"]
    else:
        (user, answer) = record["conversations"]
        assert (user["from"], answer["from"]) == ("human", "gpt")
        content, response = user["value"], answer["value"]
    return InstructionPair(*split_user_text(content, record["input"]), response)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exports") / "set"


def _exported(pairs: list[InstructionPair], format: ExportFormat, folder: Path, **options) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    rows = [make_row(pair, status=Status.REVISED) for pair in pairs]
    manifest = export_dataset(rows, counts_of(rows), folder, ExportOptions(format=format, **options))
    return folder / manifest.files[0].name


@pytest.mark.parametrize("format", PAIR_FORMATS)
def test_hostile_texts_come_back_as_they_went_in(scratch, format):
    back = _read(_exported(HOSTILE, format, scratch))
    assert [pair.id for pair in back] == [pair.id for pair in HOSTILE]


_texts = st.text(
    alphabet=st.one_of(st.sampled_from("ab'=+ \n\r\t,\"\u2028\x00"), st.characters(exclude_categories=["Cs"])),
    max_size=12,
)


@pytest.mark.parametrize("format", PAIR_FORMATS)
@settings(deadline=None, max_examples=60)
@given(pairs=st.lists(st.builds(InstructionPair, _texts, _texts, _texts), max_size=4))
def test_any_pairs_come_back_with_their_ids(scratch, format, pairs):
    back = _read(_exported(pairs, format, scratch))
    assert [pair.id for pair in back] == [pair.id for pair in pairs]


@given(instruction=_texts, input=_texts)
def test_a_user_message_splits_where_it_was_joined(instruction, input):
    split = split_user_text(join_user_text(instruction, input), input)
    assert InstructionPair(*split, "").id == InstructionPair(instruction, input, "").id


def test_a_foreign_input_key_does_not_cut_the_message():
    assert split_user_text("Sum up the text", "text") == ("Sum up the text", "")
    assert split_user_text("Sum up", "something else") == ("Sum up", "")


@given(_texts)
def test_no_cell_is_a_formula_and_each_can_be_restored(text):
    cell = defuse_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert restore_cell(cell) == text


# `datasets` leaves the CSV files that it reads to the garbage collector.
unclosed_by_datasets = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@unclosed_by_datasets
@pytest.mark.parametrize("format", PAIR_FORMATS)
@pytest.mark.parametrize("provenance", [False, True])
def test_datasets_loads_the_folder_and_the_file_as_they_are(scratch, tmp_path, monkeypatch, format, provenance):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset  # slow to import, and only these tests need it

    file = _exported(HOSTILE, format, scratch, provenance=provenance)
    builder = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}[file.suffix]
    from_folder = load_dataset(str(scratch), split="train", cache_dir=str(tmp_path / "a"))
    from_file = load_dataset(builder, data_files=str(file), split="train", cache_dir=str(tmp_path / "b"))
    assert len(from_folder) == len(from_file) == len(HOSTILE)
    defused = format is ExportFormat.CSV
    back = [_pair({k: restore_cell(v) if defused else v for k, v in record.items()}) for record in from_folder]
    assert [pair.id for pair in back] == [pair.id for pair in HOSTILE]


@unclosed_by_datasets
@pytest.mark.parametrize("format", PAIR_FORMATS)
def test_datasets_loads_both_splits(scratch, tmp_path, monkeypatch, format):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    pairs = [InstructionPair(f"Question {n}", "", f"Answer {n}") for n in range(60)]
    rows = [make_row(pair, session=str(n)) for n, pair in enumerate(pairs)]
    shutil.rmtree(scratch, ignore_errors=True)
    manifest = export_dataset(rows, counts_of(rows), scratch, ExportOptions(format=format, test_share=0.3))
    loaded = load_dataset(str(scratch), cache_dir=str(tmp_path))
    assert {split: len(part) for split, part in loaded.items()} == {file.split: file.rows for file in manifest.files}
