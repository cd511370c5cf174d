"""Thinking that a model writes before its answer, in the marks of the families that do."""

import re

from coachlm.pairs import InstructionPair

_NAMES = r"(?:think|thinking|thought|reasoning|reflection|seed:think)"
_OPEN = re.compile(
    rf"\s*(?:<{_NAMES}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel\|>analysis<\|message\|>)", re.I
)
_CLOSE = re.compile(rf"</{_NAMES}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>", re.I)


def without_reasoning(text: str, raw: InstructionPair) -> str:
    """What follows the thinking; empty where it never ended. Templates that open it themselves leave the end alone,
    which counts unless the pair speaks of such marks."""
    opened, end = _OPEN.match(text), _CLOSE.search(text)
    if opened is None and end is not None:
        known = raw.known_text
        within_answer = text.lstrip().startswith("{") or _CLOSE.search(known) is not None
        return text if within_answer else text[end.end() :]
    while opened is not None:
        end = _CLOSE.search(text, opened.end())
        if end is None:
            return ""
        text = text[end.end() :]
        opened = _OPEN.match(text)
    return text
