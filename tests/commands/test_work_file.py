from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from commands.desk.work_file import WorkFile, read_work_file

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def work_file(text: InstructionPair) -> WorkFile:
    return WorkFile("0" * 32, "ana", "token", 3, datetime(2026, 1, 1, tzinfo=UTC), text)


@given(texts, texts, texts)
@example("==== input 00 ====", "\n\n", "#: pair: other\n==== response 00 ====\n")
def test_what_is_written_is_read_back(instruction: str, input: str, response: str) -> None:
    written = work_file(InstructionPair(instruction, input, response))
    assert read_work_file(written.render()) == written


@given(texts)
def test_notes_of_any_text_change_nothing(note: str) -> None:
    written = work_file(InstructionPair("a", "", "b"))
    assert read_work_file(written.render((note,))) == written


def test_windows_line_ends_of_an_editor_are_understood() -> None:
    saved = work_file(InstructionPair("a", "", "b")).render().replace("\n", "\r\n")
    assert read_work_file(saved).text.id == InstructionPair("a", "", "b").id


@pytest.mark.parametrize("name", ["instruction", "input", "response"])
def test_a_missing_marker_is_named(name: str) -> None:
    lines = work_file(InstructionPair("a", "", "b")).render().split("\n")
    damaged = "\n".join(line for line in lines if not line.startswith(f"==== {name}"))
    with pytest.raises(InputError, match=f"`{name}`"):
        read_work_file(damaged)


@given(st.text())
def test_garbage_is_refused_and_nothing_else(content: str) -> None:
    with pytest.raises(InputError):
        read_work_file(content)
