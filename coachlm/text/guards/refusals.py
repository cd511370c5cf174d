"""The guards that refuse a revision: the raw pair is kept, and the guard's name is the reason."""

import re
from collections.abc import Callable
from enum import StrEnum

from rapidfuzz import fuzz

from coachlm.pairs import InstructionPair
from coachlm.text.guards.constraints import LANGUAGES, lost_constraints
from coachlm.text.guards.content import loses_content, repeats_itself
from coachlm.text.hygiene import is_placeholder_input, strip_repeats
from coachlm.text.language import detect_language
from coachlm.text.markup import CodeBlock, code_blocks, prose

_COMPARED_CHARS = 4000
"""Fuzzy comparison looks at this many characters at most; it keeps the guards linear."""
_MIN_DETECTABLE = 60
_ABOUT_LANGUAGES = re.compile(rf"\btranslat|\b(?:another|different|target) language|\b(?:{LANGUAGES})\b", re.IGNORECASE)
_ANSWER_OPENING = re.compile(
    r"(?:sure|certainly|of course|absolutely|here (?:is|are)|here's)\b[^\n]{0,80}[:!,.]", re.IGNORECASE
)
_LIST_LEAD = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,3}[.):])\s+")
_DANGLING = re.compile(r"(?:[,;(]|\b(?:and|or|the|an?|of|to|with|for))$")


class Guard(StrEnum):
    """What a revision did wrong; the value is the fallback's reason."""

    DROPPED_CONSTRAINT = "dropped_constraint"  # a number, format, language, quote or limit of the instruction is gone
    ANSWERED = "answered"  # the instruction became an answer
    INPUT_CONSUMED = "input_consumed"  # the material to work on is gone
    CODE_FENCE = "code_fence"  # a fence is unbalanced, or fenced code was lost or cut
    LANGUAGE_CHANGE = "language_change"  # the text is in another language than before
    TRUNCATED = "truncated"  # the response breaks off, or most of it is gone
    LOST_CONTENT = "lost_content"  # most of what the response said is gone, and little came in its place
    REPETITION = "repetition"  # a sentence or item stands twice that the raw pair does not have twice


def refusal(raw: InstructionPair, revised: InstructionPair) -> Guard | None:
    """The first guard that refuses; None when the revision may be kept."""
    return next((guard for guard, refuses in GUARDS.items() if refuses(raw, revised)), None)


def drops_constraint(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether a constraint of the instruction is neither in the revised instruction nor in the revised input."""
    if raw.instruction == revised.instruction:
        return False
    return bool(lost_constraints(raw.instruction, f"{revised.instruction}\n{revised.input}"))


def answers(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether the revised instruction is an answer, or the revised response is the instruction handed back."""
    if raw.instruction != revised.instruction and _became_answer(raw, revised.instruction):
        return True
    echoed = len(revised.response) >= 20 and _same(revised.response, revised.instruction)
    return echoed and not _same(raw.response, raw.instruction)


def _became_answer(raw: InstructionPair, instruction: str) -> bool:
    if _ANSWER_OPENING.match(instruction) and not _ANSWER_OPENING.match(raw.instruction):
        return True
    if len(raw.response) < 20:
        return False
    if raw.response in instruction and raw.response not in raw.instruction:
        return True
    to_response = _likeness(instruction, raw.response)
    return to_response >= 75 and to_response > _likeness(instruction, raw.instruction) + 10


def consumes_input(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether the raw input's text is neither in the revised input nor in the revised instruction."""
    given = raw.input.strip()
    if not given or is_placeholder_input(given) or revised.input.strip():
        return False
    words = set(re.findall(r"\w+", given.casefold()))
    kept = words & set(re.findall(r"\w+", revised.instruction.casefold()))
    return len(words) >= 3 and len(kept) * 2 < len(words)


def breaks_code(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether a fence was left open, fenced code was lost or cut to less than half, or the material's code changed."""
    before, after = code_blocks(raw.response), code_blocks(revised.response)
    if any(not block.closed for block in after) and all(block.closed for block in before):
        return True
    if len(after) < len(before) or _size(after) * 2 < _size(before):
        return True
    if any(_brackets(old.body) == 0 for old in before) and sum(_brackets(new.body) for new in after) > sum(
        _brackets(old.body) for old in before
    ):
        return True
    given = code_blocks(f"{raw.instruction}\n{raw.input}")
    return bool(given) and not _bodies(given) <= _bodies(code_blocks(f"{revised.instruction}\n{revised.input}"))


def _size(blocks: list[CodeBlock]) -> int:
    return sum(len(block.body.split()) for block in blocks)


def _brackets(code: str) -> int:
    """How many brackets lack their partner (order is not looked at)."""
    return sum(abs(code.count(left) - code.count(right)) for left, right in ("()", "[]", "{}"))


def _bodies(blocks: list[CodeBlock]) -> set[str]:
    return {" ".join(block.body.split()) for block in blocks}


def truncates(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether the response breaks off in mid-sentence where the raw one did not, or all but a scrap of it is gone.

    Loops of the raw response may go: what counts is the text without them.
    """
    before, after = strip_repeats(raw.response).strip(), revised.response.strip()
    if len(before) >= 400 and len(after) * 10 < len(before):
        return True
    shortened = len(after) < 0.9 * len(before) and len(before) >= 100
    return shortened and _breaks_off(after) and not _breaks_off(before)


def _breaks_off(text: str) -> bool:
    """Whether a text of sentences ends without the end of one; lists, titles and hashtags need none."""
    last = _LIST_LEAD.sub("", text.rsplit("\n", 1)[-1])
    return _DANGLING.search(last) is not None or (last[-1:].isalnum() and ". " in last and "#" not in last)


def changes_language(raw: InstructionPair, revised: InstructionPair) -> bool:
    """Whether the instruction or response is in another language than before; tasks about languages are exempt."""
    if _ABOUT_LANGUAGES.search(f"{raw.instruction}\n{raw.input[:_COMPARED_CHARS]}"):
        return False
    fields = ((raw.instruction, revised.instruction), (raw.response, revised.response))
    return any(_differs(before, after) for before, after in fields if before != after)


def _differs(before: str, after: str) -> bool:
    before, after = prose(before[:_COMPARED_CHARS]).strip(), prose(after[:_COMPARED_CHARS]).strip()
    if min(len(before), len(after)) < _MIN_DETECTABLE:
        return False
    old, new = detect_language(before), detect_language(after)
    return old is not None and new is not None and old != new


def _likeness(left: str, right: str) -> float:
    return fuzz.ratio(left[:_COMPARED_CHARS].casefold(), right[:_COMPARED_CHARS].casefold())


def _same(left: str, right: str) -> bool:
    return _likeness(left.strip(), right.strip()) >= 95


GUARDS: dict[Guard, Callable[[InstructionPair, InstructionPair], bool]] = {
    Guard.ANSWERED: answers,
    Guard.INPUT_CONSUMED: consumes_input,
    Guard.DROPPED_CONSTRAINT: drops_constraint,
    Guard.CODE_FENCE: breaks_code,
    Guard.TRUNCATED: truncates,
    Guard.LANGUAGE_CHANGE: changes_language,
    Guard.LOST_CONTENT: loses_content,
    Guard.REPETITION: repeats_itself,
}
"""In the order they are asked."""
