"""How a coach is asked: with the paper's prompt as it is, or as a user's turn in the base's own chat template.

What an adapter was trained with is written into its folder, frame and all, and engines follow it: a template that the
base changes later, or that an engine couldn't render, makes no difference.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt

PromptStyle = Literal["auto", "paper", "chat"]
PROMPT_FILE = "coach_prompt.json"
_TURN, _ANSWER = "a user's turn stands here", "an assistant's answer stands here"
_CONTROL = re.compile(r"<\|[^|<>\s]{1,40}\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>|<｜[^｜\n]{1,40}｜>")


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """What a chat template puts around a user's turn, up to where the answer begins, and what ends an answer."""

    before: str
    after: str
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Prompting:
    """How pairs are put to a coach."""

    frame: ChatFrame | None = None  # None: the paper's prompt, as it is
    asked: Callable[[InstructionPair], str] = coach_prompt  # what stands in the turn

    @property
    def style(self) -> PromptStyle:
        return "paper" if self.frame is None else "chat"

    def text(self, raw: InstructionPair) -> str:
        prompt = self.asked(raw)
        return prompt if self.frame is None else f"{self.frame.before}{prompt.strip()}{self.frame.after}"

    def is_broken_by(self, raw: InstructionPair) -> bool:
        """Whether the pair's own text would end its turn: it holds what the template marks turns with."""
        if self.frame is None:
            return False
        marks = set(_CONTROL.findall(f"{self.frame.before}{self.frame.after}{self.frame.ending}"))
        text = raw.known_text
        return any(mark in text for mark in marks)

    def files(self) -> Mapping[str, bytes]:
        """For an adapter's folder; nothing for the paper's prompt, which folders without a word are asked with."""
        if self.frame is None:
            return {}
        said = {"style": "chat", "before": self.frame.before, "after": self.frame.after, "ending": self.frame.ending}
        return {PROMPT_FILE: (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode()}


PAPER = Prompting()


def read_prompting(folder: Path) -> Prompting:
    """What a folder says, see `Prompting.files`. Raises: ValueError, OSError."""
    path = folder / PROMPT_FILE
    if not path.is_file():
        return PAPER
    said = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(said, dict) or said.get("style") != "chat":
        raise ValueError(f"{PROMPT_FILE} is of another version of CoachLM")
    parts = [said.get(name) for name in ("before", "after", "ending")]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{PROMPT_FILE} lacks before, after or ending")
    return Prompting(ChatFrame(*map(str, parts)))


def chat_frame(tokenizer: Any) -> ChatFrame | None:
    """Of a transformers tokeniser; None where it has no chat template, or one that can't be split in two."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    turn = {"role": "user", "content": _TURN}
    try:
        asked = tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
        answer = {"role": "assistant", "content": _ANSWER}
        whole = tokenizer.apply_chat_template([turn, answer], tokenize=False)
    except Exception:  # noqa: BLE001  # templates are programs of whoever made the model, and raise what they like
        return None
    before, found, after = asked.partition(_TURN)
    ending = whole.rpartition(_ANSWER)[2]
    return ChatFrame(before, after, ending) if found and _TURN not in after else None


def choose_prompting(style: PromptStyle, frame: ChatFrame | None, recorded: Prompting | None) -> Prompting:
    """`recorded`: how the adapter was trained; without an adapter None, and the base's own template is taken if it has
    one. Raises: ValueError, where the style that was asked for contradicts it, or there is no template."""
    if recorded is not None:
        if style not in ("auto", recorded.style):
            raise ValueError(f"the adapter was trained with the {recorded.style} prompt, and {style} is asked for")
        return recorded
    if style == "chat" and frame is None:
        raise ValueError("its tokeniser has no chat template; take the paper prompt")
    return PAPER if style == "paper" else Prompting(frame)
