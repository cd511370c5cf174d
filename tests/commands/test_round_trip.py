"""Every export, taken in again as a log, gives the pairs that it was made of."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair, SourcedPair
from exports.export import ExportOptions, export_dataset
from exports.export_formats import ExportFormat
from streams.reading.formats import parse_record
from streams.reading.sources import read_source
from streams.reading.sources.records import Conversation, ParseOptions, RawRecord
from streams.reading.turns import conversation_pairs
from tests.dataset_rows import PAIR_FORMATS, counts_of, make_row

# CSV is for spreadsheets: its cells are defused. Written here is what intake lets through: no NULs, no blank texts, and
# not what tracing tools write in place of a text (Hypothesis finds such words in our own code).
FORMATS = [format for format in PAIR_FORMATS if format is not ExportFormat.CSV]
_texts = st.text(
    alphabet=st.one_of(
        st.sampled_from("aB=:\"' \n\r\t\u2028"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ),
    max_size=20,
)
_spoken = _texts.filter(lambda text: bool(text.strip()) and not re.search("redacted|filtered", text, re.IGNORECASE))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("round") / "set"


def _taken_in(file: Path) -> list[InstructionPair]:
    options = ParseOptions()
    pairs = []
    for record in read_source(str(file), options):
        assert isinstance(record, RawRecord)
        for conversation in parse_record(record, options):
            assert isinstance(conversation, Conversation), conversation
            extracted = conversation_pairs(conversation, "each", lambda texts: (list(texts), {}), str)
            for item in extracted.items:
                assert isinstance(item, SourcedPair)
                pairs.append(item.pair)
    return pairs


def _round_trip(pairs: list[InstructionPair], folder: Path, format: ExportFormat, provenance: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    rows = [make_row(pair) for pair in pairs]
    export_dataset(rows, counts_of(rows), folder, ExportOptions(format=format, provenance=provenance))
    (file,) = folder.glob("data.*")
    assert [pair.id for pair in _taken_in(file)] == [pair.id for pair in pairs]


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=30)
@given(
    pairs=st.lists(st.builds(InstructionPair, _spoken, _texts, _spoken), min_size=1, max_size=3),
    provenance=st.booleans(),
)
def test_any_pairs_come_back(scratch, format, pairs, provenance):
    _round_trip(pairs, scratch, format, provenance)


@pytest.mark.parametrize("format", FORMATS)
def test_turns_with_their_context_come_back(scratch, format):
    context = "User: What is a verb?\nAssistant: A word for something you do.\n\nSee below."
    pairs = [
        InstructionPair("And an adverb?", context, "It says how.\n\n- quickly\n- well"),
        InstructionPair("Sum up\n\nthe text", "the text", "Done."),
        InstructionPair('{"messages": []}', "[1, 2]", "[]"),
    ]
    _round_trip(pairs, scratch, format, provenance=True)
