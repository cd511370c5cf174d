"""Pairs that only a specialist could revise: one set of rules per topic."""

from collections.abc import Sequence

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.asked import asked_part
from coachlm.text.filters.base import PairFilter, Reading
from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("expertise")
_TOPICS = {
    topic: _LISTS.rule(topic) for topic in ("music", "chemistry", "medicine", "law", "mathematics", "programming")
}
_SHORT_REQUEST = 100
_ABOUT_THE_FIELD = _LISTS.pattern("about_the_field")


class BeyondExpertise(PairFilter):
    """Overly professional scenes, by topic; which ones is a setting.

    `programming` is off by default though the paper's experts revised few such pairs: it is too large a part of real
    logs. Source: paper Table III; the topics are ours.
    """

    reason = ExcludeReason.BEYOND_EXPERTISE

    def __init__(self, topics: Sequence[str]) -> None:
        self.rules = tuple(_TOPICS[topic] for topic in topics)

    def rule_fired(self, reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        if _ABOUT_THE_FIELD.search(request):
            return None
        if len(request) > _SHORT_REQUEST:
            request = asked_part(request)
        if reading.material and len(reading.material) <= 200:
            request = f"{request}\n{reading.material.lower()}"
        for topic in self.rules:
            if topic.fires(request, words):
                return topic.name
        return None
