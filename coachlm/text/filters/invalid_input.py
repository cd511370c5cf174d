"""Pairs whose key content is missing: a placeholder, an address to be opened, or nothing where material is needed."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading
from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("invalid_input")
_REFERS = _LISTS.rule("refers to material that is not there")
_NEEDS = _LISTS.rule("works on a text that is not there")
_WHICH = _LISTS.rule("choice without options")
_TITLE_ONLY = _LISTS.rule("known by its title alone")
_TRIGGERS = frozenset().union(*(needs.triggers for needs in (_REFERS, _NEEDS, _WHICH, _TITLE_ONLY)))
_DESIGNS = _LISTS.pattern("designs")
_NAMES_SOURCE = _LISTS.pattern("names_source")
_OWN_MATERIAL = _LISTS.pattern("own_material")
_SECOND_SENTENCE = _LISTS.pattern("second_sentence")
_URL_ONLY = _LISTS.pattern("url_only", re.I)
_URL_LAST = _LISTS.pattern("url_last")
_URL_IS_TEXT = _LISTS.pattern("url_is_text")
_URL_IS_THE_MATTER = _LISTS.pattern("url_is_the_matter")
_LOOKS_INSIDE = _LISTS.pattern("looks_inside")
_BRACKETED = _LISTS.pattern("bracketed", re.I)
_BARE = _LISTS.pattern("bare", re.I)
_TITLE_INPUT = _LISTS.pattern("title_input", re.I)
_UNFILLED = _LISTS.pattern("unfilled", re.I)
_NO_CONTENT = re.compile(r"[\W_]*|(\S)\1{3,}")
_BLANKS_ONLY = _LISTS.pattern("blanks_only", re.I)
_ASKS_FOR_IT = _LISTS.pattern("asks_for_it")
_SERVICE = _LISTS.pattern("service")
_ONE_THING_CHARS = 20
"""A single word as input can't hold the options of a choice."""
_SHORT_ANSWER, _OPENING_CHARS, _ADDRESS_CHARS = 400, 240, 600
_HTTP = frozenset({"http", "https"})


class InvalidInput(PairFilter):
    """The key content is missing or unreadable; `<noinput>` where none is needed is fine. Source: paper Table III."""

    reason = ExcludeReason.INVALID_INPUT
    rules = (_REFERS, _NEEDS, _WHICH, _TITLE_ONLY)

    def rule_fired(self, reading: Reading) -> str | None:
        return (
            self._noise_rule(reading)
            or self._placeholder_rule(reading)
            or self._address_rule(reading)
            or self._missing_rule(reading)
            or self._answer_rule(reading)
        )

    @staticmethod
    def _noise_rule(reading: Reading) -> str | None:
        instruction = reading.pair.instruction.strip()
        if len(instruction) <= 200 and (_NO_CONTENT.fullmatch(instruction) or _BLANKS_ONLY.fullmatch(instruction)):
            return "instruction without content"
        return None

    @staticmethod
    def _placeholder_rule(reading: Reading) -> str | None:
        material = reading.material
        if not material:
            return "unfilled template" if _UNFILLED.search(reading.request) else None
        if len(material) <= 200 and (_BRACKETED.fullmatch(material) or _BARE.fullmatch(material)):
            return "placeholder as input"
        if len(material) <= 200 and (_TITLE_INPUT.fullmatch(material) or _UNFILLED.search(material)):
            return "title or template as input"
        return None

    @staticmethod
    def _address_rule(reading: Reading) -> str | None:
        request, material = reading.request, reading.material
        if 0 < len(material) <= _ADDRESS_CHARS and _URL_ONLY.fullmatch(material):
            fired = "address as input"
        elif reading.words.isdisjoint(_HTTP) or (material and not material.startswith("http")):
            return None
        else:
            fired = "address instead of text" if _URL_LAST.search(request) else None
        if _URL_IS_TEXT.search(request) or (_URL_IS_THE_MATTER.search(request) and not _LOOKS_INSIDE.search(request)):
            return None
        return fired

    @staticmethod
    def _missing_rule(reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if words.isdisjoint(_TRIGGERS):
            return None
        if reading.material:
            alone = len(reading.material) <= _ONE_THING_CHARS and reading.material.isalpha()
            return _WHICH.name if alone and _WHICH.fires(request, words) and " or " not in request else None
        if _TITLE_ONLY.fires(request, words):
            return _TITLE_ONLY.name
        own = len(request) > 300 or _OWN_MATERIAL.search(request) or _SECOND_SENTENCE.search(request)
        if own or _DESIGNS.search(request):
            return None
        if _WHICH.fires(request, words) and " or " not in request:
            return _WHICH.name
        if _REFERS.fires(request, words):
            return _REFERS.name
        if _NEEDS.fires(request, words) and not _NAMES_SOURCE.search(reading.pair.instruction[:300]):
            return _NEEDS.name
        return None

    @staticmethod
    def _answer_rule(reading: Reading) -> str | None:
        if len(reading.answer) > _SHORT_ANSWER:
            return None
        opening = reading.answer[:_OPENING_CHARS].lower().replace("’", "'")
        if _ASKS_FOR_IT.match(opening) and not _SERVICE.search(reading.request):
            return "the response asks for it"
        return None
