"""What logs say about answers, on its way into a pair's provenance: reasoning, marks, lost answers, cut ends.

It stands in `extra`: `reasoning`, `rejected`, `signals`, `mark` (`good` or `bad`), `mark_from`, `maybe_cut`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from coachlm.pairs import RejectReason
from coachlm.text.endings import ends_mid_sentence
from streams.reading.sources.records import Message, Remarks

_BAD = "bad: "


def flaw_of(asked: Iterable[Message], answered: Iterable[Message]) -> tuple[RejectReason, str] | None:
    """Why an exchange that has texts gives no pair all the same: cut short, refused, or not to be read."""
    found = (message.remarks.problem for message in (*asked, *answered) if message.remarks is not None)
    return next((problem for problem in found if problem is not None), None)


def remarks_of(answered: Sequence[Message]) -> dict[str, Any]:
    """What is to be kept beside a pair, by the names under which it is kept."""
    told = [message.remarks for message in answered if message.remarks is not None]
    kept: dict[str, Any] = {}
    if reasoning := "\n\n".join(remarks.reasoning for remarks in told if remarks.reasoning):
        kept["reasoning"] = reasoning
    if rejected := [text for remarks in told for text in remarks.rejected]:
        kept["rejected"] = rejected
    signals = {name: value for remarks in told for name, value in remarks.signals.items()}
    if signals:
        kept["signals"] = signals
    kept |= _mark(told)
    if not any(remarks.finished for remarks in told) and answered and ends_mid_sentence(answered[-1].text):
        kept["maybe_cut"] = True
    return kept


def _mark(told: Sequence[Remarks]) -> dict[str, str]:
    verdicts = [remarks.verdict for remarks in told if remarks.verdict]
    if not verdicts:
        return {}
    bad = next((verdict for verdict in verdicts if verdict.startswith(_BAD)), None)
    return {"mark": "good"} if bad is None else {"mark": "bad", "mark_from": bad.removeprefix(_BAD)}


def texts_of(message: Message) -> tuple[str, ...]:
    """All that somebody wrote in a message, for whoever replaces personal data in it; see `with_texts`."""
    remarks = message.remarks
    if remarks is None or not (remarks.reasoning or remarks.rejected):
        return message.text, message.input
    return message.text, message.input, remarks.reasoning, *remarks.rejected


def with_texts(message: Message, texts: Iterator[str]) -> Message:
    """The message with texts in the places of its own, taken in the order of `texts_of`."""
    own = texts_of(message)
    given = tuple(next(texts) for _ in own)
    if given == own:
        return message
    message = replace(message, text=given[0], input=given[1])
    if message.remarks is None or len(given) == 2:
        return message
    return replace(message, remarks=replace(message.remarks, reasoning=given[2], rejected=given[3:]))
