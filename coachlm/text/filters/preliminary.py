"""The preliminary filter: asks each reason's filter in turn and gives the first that excludes the pair."""

# See docs/decisions/0020-filter-like-the-experts.md

from collections.abc import Sequence
from functools import cache
from typing import get_args

from coachlm.pairs import Exclusion, InstructionPair
from coachlm.settings import Settings
from coachlm.settings.intake import ExpertTopic
from coachlm.text.filters.base import PairFilter, read
from coachlm.text.filters.bounds import Language, TooLong, TooShort
from coachlm.text.filters.expertise import BeyondExpertise
from coachlm.text.filters.invalid_input import InvalidInput
from coachlm.text.filters.multi_modal import MultiModal
from coachlm.text.filters.refusal import Refusal
from coachlm.text.filters.safety import Safety
from coachlm.text.filters.workload import MassiveWorkload


class PreliminaryFilter:
    """Excludes what post-editing can't mend. Pure and without state; safe to share between threads.

    Source: paper §II-E1, Table III.
    """

    def __init__(self, filters: Sequence[PairFilter]) -> None:
        self._filters = tuple(filters)

    @classmethod
    def from_settings(cls, settings: Settings) -> "PreliminaryFilter":
        """The order decides which reason a pair gets that has several: bounds before content; what can't be read
        (multi-modal before invalid, since a missing picture is both) before what should not be (safety, refusal),
        before what is too much work or too special."""
        filters: tuple[PairFilter, ...] = (
            TooLong(settings.filters.max_pair_chars),
            TooShort(settings.filters.min_instruction_chars, settings.filters.min_response_chars),
            Language(settings.filters.languages),
            MultiModal(),
            InvalidInput(),
            Safety(settings.filters.max_profanities, settings.filters.unsafe_probability),
            Refusal(settings.filters.max_refusal_chars, settings.filters.refusal_probability),
            MassiveWorkload(settings.filters.max_requested_words, settings.filters.max_verse_lines),
            BeyondExpertise(settings.filters.beyond_expertise_topics),
        )
        return cls([chosen for chosen in filters if chosen.reason in settings.filters.exclude_reasons])

    def check(self, pair: InstructionPair, *, language: str | None, multi_modal: bool = False) -> Exclusion | None:
        """`multi_modal`: the log had an image, audio or file part beside the text, which parsing left out."""
        reading = read(pair, language, multi_modal)
        for candidate in self._filters:
            exclusion = candidate.check(reading)
            if exclusion is not None:
                return exclusion
        return None

    @staticmethod
    @cache
    def of_all_reasons() -> "PreliminaryFilter":
        """To ask for the words behind a verdict where no settings are at hand; not to judge with."""
        topics = get_args(ExpertTopic)
        content = (MultiModal(), InvalidInput(), Safety(0, 1.0), Refusal(1, 1.0), MassiveWorkload(1, 1))
        return PreliminaryFilter((*content, BeyondExpertise(topics)))

    def words_behind(self, pair: InstructionPair, exclusion: Exclusion, language: str | None = None) -> list[str]:
        """The pair's own words that made it so, for people who ask why; empty where the detail says it all."""
        reading = read(pair, language, multi_modal=False)
        for candidate in self._filters:
            if candidate.reason is exclusion.reason:
                return candidate.words_behind(reading, exclusion.detail)
        return []
