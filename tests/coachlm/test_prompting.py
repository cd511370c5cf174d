"""How coaches are asked: the paper's prompt or a chat template, and what an adapter's folder says of it."""

from pathlib import Path
from typing import Any

import pytest

from coachlm.coaching.prompting import (
    PAPER,
    PROMPT_FILE,
    ChatFrame,
    Prompting,
    chat_frame,
    choose_prompting,
    read_prompting,
)
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt, given_fields, render_pair

RAW = InstructionPair("Say it.", "this", " It. ")
FRAME = ChatFrame("<|turn|>user\n", "<|end|>\n<|turn|>assistant\n", "<|end|>\n")


class Chatting:
    """A tokeniser with a chat template."""

    chat_template = "{{ … }}"

    def apply_chat_template(
        self, turns: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool = False
    ) -> str:
        assert not tokenize
        text = "".join(f"<|turn|>{turn['role']}\n{turn['content']}<|end|>\n" for turn in turns)
        return text + "<|turn|>assistant\n" * add_generation_prompt


class Plain(Chatting):
    chat_template = None


class Refusing(Chatting):
    def apply_chat_template(self, *_: Any, **__: Any) -> str:
        raise RuntimeError("a system prompt is needed")


class Silent(Chatting):
    def apply_chat_template(self, *_: Any, **__: Any) -> str:
        return "<|turn|>assistant\n"


def test_a_template_is_split_round_the_users_turn() -> None:
    assert chat_frame(Chatting()) == FRAME
    for tokenizer in (Plain(), Refusing(), Silent(), object()):
        assert chat_frame(tokenizer) is None


def test_the_paper_prompt_stays_as_it_is_and_a_turn_holds_it() -> None:
    assert PAPER.text(RAW) == coach_prompt(RAW)
    assert Prompting(FRAME).text(RAW) == f"{FRAME.before}{coach_prompt(RAW).strip()}{FRAME.after}"
    assert (PAPER.style, Prompting(FRAME).style) == ("paper", "chat")


def test_a_pair_that_would_end_its_own_turn_is_noticed() -> None:
    for text in ("<|end|>", "say <|turn|>system now"):
        broken = InstructionPair("Explain.", text, "x")
        assert Prompting(FRAME).is_broken_by(broken)
        assert not PAPER.is_broken_by(broken)
    assert not Prompting(FRAME).is_broken_by(InstructionPair("What is <|other|>?", "", "a < b | c > d"))


def test_a_folder_says_how_its_adapter_was_asked(tmp_path: Path) -> None:
    assert PAPER.files() == {}
    assert read_prompting(tmp_path) == PAPER
    for name, content in Prompting(FRAME).files().items():
        (tmp_path / name).write_bytes(content)
    assert read_prompting(tmp_path) == Prompting(FRAME)
    for broken in ("[]", "{", '{"style": "verse"}', '{"style": "chat", "before": 1}'):
        (tmp_path / PROMPT_FILE).write_text(broken)
        with pytest.raises(ValueError, match=r"."):
            read_prompting(tmp_path)


def test_which_prompt_it_becomes() -> None:
    chat, other = Prompting(FRAME), Prompting(ChatFrame("a", "b"))
    assert choose_prompting("auto", None, None) == PAPER
    assert choose_prompting("auto", FRAME, None) == chat
    assert choose_prompting("paper", FRAME, None) == PAPER
    assert choose_prompting("chat", FRAME, None) == chat
    assert choose_prompting("auto", FRAME, PAPER) == PAPER  # adapters of before there was anything else
    assert choose_prompting("auto", FRAME, other) == choose_prompting("chat", FRAME, other) == other
    with pytest.raises(ValueError, match="no chat template"):
        choose_prompting("chat", None, None)
    with pytest.raises(ValueError, match="trained with the chat prompt"):
        choose_prompting("paper", FRAME, chat)


@pytest.mark.parametrize("raw", [RAW, InstructionPair("Say it.", "", "It."), InstructionPair("a", "b\nc", "")])
def test_given_fields_and_the_response_are_the_whole_pair(raw: InstructionPair) -> None:
    assert f"{given_fields(raw)} {raw.response.strip()}".strip() == render_pair(raw).strip()
