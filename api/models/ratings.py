"""Blind ratings: what a rater gets and gives, and what a study's owner sees."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from api.models.base import MAX_KEY_CHARS, Comment, Given, Name, PairId, PairText, Taken, Text, Version
from api.models.desk import Context
from coachlm.desk.ratings import RATERS, STUDY_NAME
from coachlm.desk.rubric import Dimension

MAX_PAIRS = 10_000
StudyName = Annotated[str, Field(pattern=f"^{STUDY_NAME.pattern}$", description="Raters see it: it names no version.")]
Score = Annotated[int, Field(strict=True, ge=0, le=100)]


class OwnRating(Given):
    """What the caller gave for a text."""

    instruction: int
    response: int
    flaws: frozenset[Dimension] = frozenset()
    comment: Text = ""


class OwnStudy(Given):
    """A study in which the caller rates."""

    study: str
    tasks: int
    rated: int
    next: int | None = Field(description="The first place without a rating; null: all are rated.")
    is_closed: bool


class OwnStudies(Given):
    """Open ones first."""

    studies: tuple[OwnStudy, ...]


class RatingTask(Given):
    """A text to rate, at a place of the caller's own order. Nothing says which version of its pair it is."""

    study: str
    place: int = Field(description="From 1.")
    tasks: int
    text: PairText
    context: Context | None = Field(default=None, description="What it was said in; not rated.")
    version: int = Field(description="How often the caller has rated it; goes back with the rating.")
    rating: OwnRating | None = None
    is_closed: bool


class RatingRequest(Taken):
    """Both scores, and the flaws that explain them. The same key again gives the same receipt."""

    version: Version
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=MAX_KEY_CHARS)]
    instruction: Score
    response: Score
    flaws: frozenset[Dimension] = Field(default=frozenset(), max_length=len(Dimension))
    comment: Comment = ""


class RatingReceipt(Given):
    """A rating that was stored."""

    place: int
    version: int
    rated: int = Field(description="How many of the caller's places have a rating now.")


class StudySource(Taken):
    """One version of each pair, in the same order as the other sources'."""

    name: Name
    pairs: tuple[PairText, ...] = Field(min_length=1, max_length=MAX_PAIRS)


class NewStudy(Taken):
    """What is to be rated by whom."""

    name: StudyName
    sources: tuple[StudySource, ...] = Field(min_length=2, max_length=20)
    raters: tuple[Name, ...] = Field(
        default=(), max_length=100, description=f"Left out: {RATERS} annotators, drawn by chance."
    )
    count: int = Field(default=150, ge=1, le=MAX_PAIRS, description="How many of the pairs are drawn.")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="For the same draw again; better left out.")
    pair_ids: tuple[PairId, ...] = Field(
        default=(), max_length=MAX_PAIRS, description="Of the stored pairs behind the rows: kept from the raters."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> "NewStudy":
        if len({source.name for source in self.sources}) != len(self.sources):
            raise ValueError("two sources have the same name")
        return self


class RaterProgress(Given):
    """How far a rater has come."""

    rater: Text
    tasks: int
    rated: int


class Study(Given):
    """A study, for those who may know which version is which."""

    name: str
    sources: tuple[Text, ...]
    items: int = Field(description="Pairs that were drawn.")
    owner: Text | None = None
    created_at: datetime
    closed_at: datetime | None = None
    raters: tuple[RaterProgress, ...]


class Studies(Given):
    """The newest first."""

    studies: tuple[Study, ...]


class Interval(Given):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Averages(Given):
    """A row of Table VIII: rater → mean score, and the mean of the raters' means."""

    by_rater: dict[str, float]
    average: float | None
    scores: int


class StudyTables(Given):
    """What the raters found. `tables`: group of pairs → part → source; `gains`: the same, over the first source."""

    study: Study
    sources: tuple[Text, ...]
    raters: tuple[Text, ...]
    pairs: int
    modified: int = Field(description="Pairs whose versions differ in their instruction.")
    unrated: dict[str, int] = Field(description="Rater → scores that are missing.")
    tables: dict[str, dict[str, dict[str, Averages]]]
    gains: dict[str, dict[str, dict[str, Interval | None]]]
    alpha: dict[str, float | None] = Field(description="Krippendorff's, interval scale; null: not defined.")

    @classmethod
    def of(cls, study: Any, found: Any) -> "StudyTables":
        """`found` is an `evaluation.ratings.people.HumanRatings`."""
        names = cls.model_fields.keys() - {"study"}
        return cls.model_validate({"study": study, **{name: getattr(found, name) for name in names}})


class GivenScore(Given):
    """What a rater gave last for one text."""

    rater: Text
    pair: int = Field(description="The same for all versions of a pair.")
    source: Text
    instruction: int
    response: int
    flaws: tuple[Dimension, ...] = ()
    comment: Text = ""
    version: int = Field(description="How often the rater rated it.")
    rated_at: datetime

    @classmethod
    def of(cls, given: Any) -> "GivenScore":
        """`given` is a `coachlm.desk.studies.GivenRating`."""
        rating = given.rating
        return cls(
            rater=given.rater,
            pair=given.task.item,
            source=given.task.source,
            instruction=rating.instruction,
            response=rating.response,
            flaws=tuple(sorted(rating.flaws)),
            comment=rating.comment,
            version=given.version,
            rated_at=given.rated_at,
        )


class GivenScores(Given):
    """By pair, version and rater."""

    scores: tuple[GivenScore, ...]
