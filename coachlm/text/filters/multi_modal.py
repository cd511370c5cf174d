"""Pairs about pictures, video or sound that the text does not hold, or that ask for one as the answer."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.asked import asked_part
from coachlm.text.filters.base import PairFilter, Reading, first_fired
from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("multi_modal")
_LOOK_AT = _LISTS.rule("refers to media that is not there")
_PRODUCE = tuple(_LISTS.rule(f"asks for {what}") for what in ("an image", "a drawing", "a plot"))
_SOUND = _LISTS.rule("asks to hear, speak or play")
_TRIGGERS = _LOOK_AT.triggers.union(_SOUND.triggers, *(made.triggers for made in _PRODUCE))
_TEXT_FORM = _LISTS.pattern("text_form", re.I | re.M)
_TEXT_PICTURE = _LISTS.pattern("text_picture")
_OWN_MATERIAL = _LISTS.pattern("own_material")
_QUESTION = _LISTS.pattern("question")
_PLACEHOLDER = _LISTS.pattern("placeholder", re.I)
_BARE = _LISTS.pattern("bare", re.I)
_MARKDOWN_IMAGE = _LISTS.pattern("markdown_image", re.I)
_MEDIA_URL = _LISTS.pattern("media_url", re.I)
_URL = _LISTS.pattern("url", re.I)
_HTTP = frozenset({"http", "https"})
_NAME = re.compile(r"(?<= )[A-Z][a-z]")
_SHORT_REQUEST = 300
_BRACKETS = ("[", "<", "(", "{")


class MultiModal(PairFilter):
    """Image, video and audio, which a text model neither sees nor makes.

    A medium that the input describes in words is kept, and so are designs (logos, posters) answered in words: the
    paper's experts revised those. Source: paper Table III and its released revisions.
    """

    reason = ExcludeReason.MULTI_MODAL
    rules = (_LOOK_AT, *_PRODUCE, _SOUND)

    def rule_fired(self, reading: Reading) -> str | None:
        if reading.multi_modal:
            return "media part beside the text"
        return (
            (self._input_rule(reading) if reading.material else None)
            or self._request_rule(reading)
            or self._answer_rule(reading.answer)
        )

    @staticmethod
    def _input_rule(reading: Reading) -> str | None:
        material = reading.material[:400]
        if _PLACEHOLDER.fullmatch(material) or _BARE.fullmatch(material):
            return "media placeholder as input"
        if _MARKDOWN_IMAGE.search(material) and not _TEXT_PICTURE.search(reading.request):
            return "image in the input"
        return "media address as input" if len(material) < 300 and _MEDIA_URL.search(material) else None

    @staticmethod
    def _request_rule(reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if not words.isdisjoint(_HTTP) and len(request) <= _SHORT_REQUEST and _MEDIA_URL.search(request):
            return None if _TEXT_PICTURE.search(request) else "media address in the instruction"
        if words.isdisjoint(_TRIGGERS):
            return None
        asked = asked_part(request)
        named = reading.material and not _URL.search(reading.material[:100])
        if not named and _refers_to_media(reading, asked):
            return _LOOK_AT.name
        if not named and _SOUND.fires(asked, words):
            return _SOUND.name
        if _QUESTION.match(asked) or _TEXT_PICTURE.search(asked):
            return None
        made = first_fired(_PRODUCE, asked, words)
        return None if made and _TEXT_FORM.search(reading.answer[:2_000]) else made

    @staticmethod
    def _answer_rule(answer: str) -> str | None:
        if answer.startswith(_BRACKETS) and len(answer) <= 300 and _PLACEHOLDER.fullmatch(answer):
            return "media placeholder as response"
        return None


def _refers_to_media(reading: Reading, asked: str) -> bool:
    """Points at a medium that isn't there; one with a name (the Garfield comic strip) is known without being seen."""
    if _LOOK_AT.triggers.isdisjoint(reading.words) or _OWN_MATERIAL.search(reading.request):
        return False
    found = _LOOK_AT.pattern.search(asked)
    if found is None:
        return False
    written = re.search(re.escape(found[0]), reading.pair.instruction, re.I)
    return written is None or not _NAME.search(written[0])
