"""Every export, taken in again as a log, gives the pairs that it was made of, in their contexts where it holds them."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.pairs import InstructionPair, SourcedPair
from coachlm.text.blanks import is_blank
from exports.choices.export_formats import ExportFormat
from exports.export import ExportOptions, export_dataset
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
_spoken = _texts.filter(lambda text: not is_blank(text) and not re.search("redacted|filtered", text, re.IGNORECASE))
CHATS = [ExportFormat.CHAT, ExportFormat.SHAREGPT]
"""Formats that have room for what was said before."""


def _asked() -> st.SearchStrategy[ContextMessage]:
    return st.builds(ContextMessage, st.just(Role.USER), _spoken)


def _steps(names: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[ContextMessage, ...]]:
    """Calls of a tool, each with its result."""
    values = st.dictionaries(st.text("abc", min_size=1), st.integers(0, 9) | st.text("ab é", max_size=5), max_size=2)
    arguments = values.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    calls = st.builds(ToolCall, st.sampled_from(["search", "add_up"]), arguments)
    call = st.builds(ContextMessage, st.just(Role.ASSISTANT), st.just(""), st.tuples(calls))
    result = st.builds(ContextMessage, st.just(Role.TOOL), _spoken, st.just(()), names)
    return st.lists(st.tuples(call, result), max_size=2).map(lambda pairs: tuple(one for pair in pairs for one in pair))


def _contexts(names: st.SearchStrategy[str]) -> st.SearchStrategy[Context | None]:
    """As intake makes them: whole turns, and what was done on the way to the answer."""
    answer = st.builds(ContextMessage, st.just(Role.ASSISTANT), _spoken)
    turn = st.tuples(_asked(), _steps(names), answer).map(lambda told: (told[0], *told[1], told[2]))
    turns = st.lists(turn, max_size=3).map(lambda found: tuple(message for one in found for message in one))
    contexts = st.builds(Context, st.just("") | _spoken, turns, _steps(names))
    return contexts.map(lambda context: context or None)


_inputs = _texts.filter(lambda text: not text.strip() or not is_blank(text))
_pairs = st.builds(InstructionPair, _spoken, _inputs, _spoken)


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
    found = _taken_in(file)
    assert [(pair.context, pair.id) for pair in found] == [(pair.context, pair.id) for pair in pairs]


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=30)
@given(
    pairs=st.lists(_pairs, min_size=1, max_size=3),
    provenance=st.booleans(),
)
def test_any_pairs_come_back(scratch, format, pairs, provenance):
    _round_trip(pairs, scratch, format, provenance)


@pytest.mark.parametrize("format", CHATS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_pairs_come_back_in_their_contexts(scratch, format, data):
    names = st.just("") | st.just("search") if format is ExportFormat.CHAT else st.just("")  # ShareGPT names no tool
    contexts = data.draw(st.lists(_contexts(names), min_size=1, max_size=2))
    pairs = [data.draw(_pairs).within(context) for context in contexts]
    _round_trip(pairs, scratch, format, provenance=data.draw(st.booleans()))


@pytest.mark.parametrize("format", FORMATS)
def test_turns_with_their_context_come_back(scratch, format):
    context = "User: What is a verb?\nAssistant: A word for something you do.\n\nSee below."
    pairs = [
        InstructionPair("And an adverb?", context, "It says how.\n\n- quickly\n- well"),
        InstructionPair("Sum up\n\nthe text", "the text", "Done."),
        InstructionPair('{"messages": []}', "[1, 2]", "[]"),
    ]
    _round_trip(pairs, scratch, format, provenance=True)
