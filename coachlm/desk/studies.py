"""What blind ratings hand out and take back. What a rater gets says nothing of sources, times or other raters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from coachlm.context import Context
from coachlm.desk.ratings import Rating, RatingTask, Sheet
from coachlm.pairs import InstructionPair, Provenance


@dataclass(frozen=True, slots=True)
class OwnStudy:
    """A study as one of its raters sees it."""

    study: str
    tasks: int
    rated: int
    next: int | None  # the first place without a rating; None: all are rated
    is_closed: bool


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A text to rate, at a place of the rater's own order, from 1; `version` goes back with the rating."""

    study: str
    place: int
    tasks: int
    text: InstructionPair
    version: int  # how often the rater has rated it
    rating: Rating | None  # the rater's last one
    is_closed: bool

    @property
    def context(self) -> Context | None:
        """What the text was said in."""
        return self.text.context


@dataclass(frozen=True, slots=True)
class RatingReceipt:
    """A rating that was stored; the same one for every retry with its key."""

    place: int
    version: int
    rated: int  # places of the rater that have a rating


@dataclass(frozen=True, slots=True)
class RaterProgress:
    """How far a rater has come."""

    rater: str
    tasks: int
    rated: int


@dataclass(frozen=True, slots=True)
class Study:
    """A study as those see it who may know which version is which."""

    name: str
    sources: tuple[str, ...]
    items: int  # pairs that were drawn
    owner: str | None  # None: made at the command line
    created_at: datetime
    closed_at: datetime | None
    raters: tuple[RaterProgress, ...]


@dataclass(frozen=True, slots=True)
class GivenRating:
    """What a rater gave last for one text."""

    rater: str
    task: RatingTask
    rating: Rating
    version: int
    rated_at: datetime


@dataclass(frozen=True, slots=True)
class StudyRatings:
    """All that was given in a study: what `evaluation.ratings.people` makes its tables from, and each rating."""

    study: Study
    tasks: Mapping[str, RatingTask]
    sheets: tuple[Sheet, ...]  # one a rater
    ratings: tuple[GivenRating, ...]


@dataclass(frozen=True, slots=True)
class RatedVersions:
    """The versions of one pair in a study that is closed, each with the mean of its raters' scores of the response."""

    study: str
    item: int
    versions: tuple[tuple[InstructionPair, float], ...]
    beginning: Provenance | None = None  # see `DatasetRow`; None: no version is a pair of the store
