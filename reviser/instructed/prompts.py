"""What an instructed coach is asked for one pair: as messages for a server that chats, or as one turn's text."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coachlm.instructing import instructed_id
from coachlm.pairs import InstructionPair
from coachlm.prompt import render_context, render_pair
from reviser.instructed.examples import Example
from reviser.instructed.wording import FIELDS_FORM, JSON_FORM, RESPONSE_FORM, system_text

Form = Literal["json", "fields", "response"]
"""How the answer is to be written: an object, the coach's own form of a pair, or the response alone."""
Message = Mapping[str, str]
_FORMS: Mapping[Form, str] = {"json": JSON_FORM, "fields": FIELDS_FORM, "response": RESPONSE_FORM}
_VERSION = 1
"""Raise it when what stands around the wording changes."""


def random_word() -> str:
    return secrets.token_hex(6)


@dataclass(frozen=True, slots=True)
class Instructions:
    """What one coach is told, whatever the pair."""

    form: Form = "json"
    guidelines: str = ""
    shown: int = 3  # examples for each pair

    @property
    def system(self) -> str:
        return system_text(self.guidelines, _FORMS[self.form])

    def coach_id(self, model: str) -> str:
        """Changes with every word it is told, and with the model; not with the examples that there are to choose."""
        told = json.dumps([_VERSION, model, self.form, self.shown, self.system, _task("", _NOTHING, self.form)])
        return instructed_id(hashlib.sha256(told.encode("utf-8", "replace")).hexdigest())

    def messages(
        self, raw: InstructionPair, examples: Sequence[Example], new_word: Callable[[], str] = random_word
    ) -> tuple[Message, ...]:
        """Lone surrogates become question marks, for they can't be sent."""
        word = mark_for([raw, *(each.raw for each in examples)], new_word)
        turns: list[Message] = [{"role": "system", "content": self.system}]
        for each in examples:
            turns.append({"role": "user", "content": _task(word, each.raw, self.form)})
            turns.append({"role": "assistant", "content": _sendable(answer_text(each, self.form))})
        return (*turns, {"role": "user", "content": _task(word, raw, self.form)})

    def text(self, raw: InstructionPair, examples: Sequence[Example], new_word: Callable[[], str] = random_word) -> str:
        """All of it as one user's turn, for models in process, whose templates are known by that turn alone."""
        word = mark_for([raw, *(each.raw for each in examples)], new_word)
        shown = [
            f"Example:\n{_task(word, each.raw, self.form)}\nAnswer:\n{_sendable(answer_text(each, self.form))}"
            for each in examples
        ]
        return "\n\n".join([self.system, *shown, f"Now the pair to revise:\n{_task(word, raw, self.form)}"])

    def key(self, model: str, raw: InstructionPair, examples: Sequence[Example]) -> str:
        """Digest of all that decides the answer; marks are random and decide nothing."""
        turns = self.messages(raw, examples, lambda: "mark")
        asked = json.dumps([model, [(turn["role"], turn["content"]) for turn in turns]])
        return hashlib.sha256(asked.encode()).hexdigest()


_NOTHING = InstructionPair("", "", "")


def mark_for(pairs: Sequence[InstructionPair], new_word: Callable[[], str]) -> str:
    """A word that none of the texts holds, so that none can close its own marks."""
    texts = "\n".join(pair.known_text for pair in pairs)
    word = new_word()
    while word in texts:
        word += random_word()
    return word


def answer_text(example: Example, form: Form) -> str:
    """What the coach should have answered; fields that stay are left empty."""
    raw, revised = example.raw, example.revised
    if form == "response":
        return revised.response.strip()
    if form == "fields":
        return render_pair(revised)
    fields = {
        name: after if after != before else ""
        for (name, before), after in zip(
            _fields(raw), (revised.instruction, revised.input, revised.response), strict=True
        )
    }
    return json.dumps({"verdict": "revise" if any(fields.values()) else "keep", **fields}, ensure_ascii=False)


def _fields(pair: InstructionPair) -> tuple[tuple[str, str], ...]:
    return ("instruction", pair.instruction), ("input", pair.input), ("response", pair.response)


def _task(word: str, pair: InstructionPair, form: Form) -> str:
    said = render_context(pair).strip()
    before = f"<<before {word}>>\n{_sendable(said)}\n<<end of before {word}>>\n" if said else ""
    return before + _pair_task(word, pair, form)


def _pair_task(word: str, pair: InstructionPair, form: Form) -> str:
    if form != "json":
        return f"<<pair {word}>>\n{_sendable(render_pair(pair))}\n<<end of pair {word}>>"
    return "\n".join(
        f"<<{name} {word}>>\n{_sendable(text)}\n<<end of {name} {word}>>"
        for name, text in _fields(pair)
        if text or name != "input"
    )


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
