"""From a chat model's answer to a revision."""

from collections.abc import Callable
from dataclasses import replace

from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.hygiene import clean_output
from reviser.instructed.answers import UnusableAnswerError
from reviser.pairs.finish import Finisher, Usage


def told_revision(
    finisher: Finisher,
    read: Callable[[str, InstructionPair], InstructionPair],
    raw: InstructionPair,
    text: str,
    usage: Usage,
) -> Revision:
    """Of the answer of a model that was told what to do."""
    try:
        pair = read(text, raw)
    except UnusableAnswerError as error:
        return finisher.fallback(raw, Outcome.FALLBACK_INVALID, error.reason.value, usage)
    fields = {name: getattr(pair, name) for name in ("instruction", "input", "response")}
    changed = {name: text for name, text in fields.items() if text != getattr(raw, name)}
    return finisher.from_pair(
        raw, replace(raw, **{name: clean_output(text, raw) for name, text in changed.items()}), usage
    )
