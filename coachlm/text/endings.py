"""Whether an answer seems to break off, told by its last line alone; never certain, so it only flags."""

import re

from coachlm.text.blanks import is_blank

_LEADS_ON = re.compile(
    r"(?:[,;(\[{–—&]|\b(?:a|an|the|and|or|but|nor|of|to|in|on|at|by|for|from|with|into|over|under|about|between|than|as"
    r"|that|which|who|whose|because|if|when|while|is|are|was|were|be|been|has|have|had|will|would|can|could|should"
    r"|may|might|must|not|very|its|their|his|her|your|our|my|this|these|those|such))$",
    re.I,
)
_SENTENCE = re.compile(r"[.!?][\"'”’)\]*_]{0,3}\s|[。！？]")
_APART = re.compile(r"\s*(?:[-*+•|>#]|(?:\d{1,3}|[A-Za-z])[.)]\s|[A-Za-z][\w ]{0,30}:\s)")
"""Items, tables, headings, `Key: value`."""
_ITEM = re.compile(r"\s*(?:[-*+•]|(?:\d{1,3}|[A-Za-z])[.)])\s+(.+)")
_OFFERS = re.compile(r"\b(?:let me know|i hope this|feel free)$", re.I)
_ENDED = re.compile(r"[.!?:][\"'”’)\]*_]{0,3}$")
_WORDS_OF_A_SENTENCE = 4
_WORDS_OF_AN_ITEM = 6


def ends_mid_sentence(text: str) -> bool:
    """A last word that leads on, a code block that is never closed, or a last sentence or item without an end after
    others that have one."""
    if is_blank(text):
        return False
    if text.count("```") % 2:
        return True
    text = text.rstrip()
    last = text[text.rfind("\n") + 1 :]
    if text.endswith("```") or last.lstrip().startswith(("|", "#", ">")):
        return False
    if _LEADS_ON.search(last[-20:]) or _OFFERS.search(last[-20:]):
        return " " in last or _SENTENCE.search(text) is not None
    if _APART.match(last):
        return last[-1].isalpha() and _breaks_off_among_items(text, last)
    if not (last[-1].isalpha() and _SENTENCE.search(text)):
        return False
    begun = _SENTENCE.split(last)[-1]
    return len(begun.split()) >= _WORDS_OF_A_SENTENCE and "://" not in begun


def _breaks_off_among_items(text: str, last: str) -> bool:
    """Whether a long last item lacks the end that all others have."""
    item = _ITEM.match(last)
    if item is None or len(item[1].split()) < _WORDS_OF_AN_ITEM:
        return False
    others = [found[1].rstrip() for line in text.split("\n")[:-1] if (found := _ITEM.match(line))]
    return len(others) >= 2 and all(_ENDED.search(other) for other in others)
