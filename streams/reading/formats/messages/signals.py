"""What a log says about its own answers: labels and weights of data sets, thumbs, ratings and scores of tools.

Source: TRL (`label`), OpenAI (`weight`), axolotl (`train`), ms-swift (`loss`), LLaMA-Factory (`kto_tag`,
`loss_weight`), Dify, LibreChat, Open WebUI, Langfuse (`scores`), LangSmith (`feedback_stats`), Phoenix
(`annotations`), MLflow (`assessments`), Helicone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coachlm.desk.signals import opinion_of
from streams.reading.formats.parts.fields import Record, mapping

_FLAGS = (
    "label", "kto_tag", "train", "training", "trainable", "loss", "thumbs_up", "thumb_up", "liked", "like", "is_good",
    "good", "accepted", "approved", "helpful", "is_helpful", "correct", "is_correct", "passed", "upvoted", "preferred",
)  # fmt: skip
_BAD_FLAGS = ("thumbs_down", "thumb_down", "disliked", "dislike", "is_bad", "bad", "rejected", "discarded", "downvoted",
              "masked")  # fmt: skip
_WEIGHTS = ("weight", "loss_weight", "loss_scale", "loss_mask", "sample_weight")
_TRAINING = frozenset({"train", "training", "trainable", "loss", *_WEIGHTS})
_OPINIONS = (
    "feedback", "rating", "user_feedback", "userFeedback", "admin_feedback", "annotation", "thumbs", "thumb", "vote",
    "user_rating", "userRating", "reaction", "feedback_rating", "human_feedback", "quality", "verdict", "evaluation",
)  # fmt: skip
_SCORES = ("score", "reward", "quality_score", "helpfulness", "score_chosen", "score_rejected", "chosen_score",
           "rejected_score", "rating_chosen", "rating_rejected")  # fmt: skip
_LISTS = ("scores", "annotations", "assessments", "feedbacks", "feedback", "ratings", "span_annotations")
_STATS = ("feedback_stats", "feedbackStats")
KEYS = frozenset({*_FLAGS, *_BAD_FLAGS, *_WEIGHTS, *_OPINIONS, *_SCORES, *_LISTS, *_STATS})
_LABELS = {
    **dict.fromkeys(("true", "desirable", "good", "chosen", "thumbs_up"), True),
    **dict.fromkeys(("false", "undesirable", "bad", "rejected", "thumbs_down"), False),
}  # few words: a label may also be what a text is about
_VALUES = ("rating", "value", "score", "label", "thumbs", "vote", "reaction", "emoji", "sentiment", "type", "result",
           "stringValue", "string_value", "feedback")  # fmt: skip
_JUDGES = ("feedback", "thumb", "rating", "user", "human", "like", "vote", "correct", "helpful", "quality", "satisf")


@dataclass(slots=True)
class Signals:
    """Values by name, and the names of those that speak for and against the answer."""

    values: dict[str, Any] = field(default_factory=dict)
    good: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One bad mark outweighs all good ones."""
        if self.bad:
            return f"bad: {', '.join(self.bad)}"
        return "good" if self.good else ""

    def add(self, name: str, value: Any, opinion: bool | None) -> None:
        if not isinstance(value, bool | int | float | str) or (isinstance(value, str) and len(value) > 40):
            value = None
        self.values[name] = value
        if opinion is not None:
            (self.good if opinion else self.bad).append(name)


def read_signals(record: Record) -> Signals:
    """The marks in a record's own fields; free text of whoever judged is never taken over."""
    signals = Signals()
    if record.keys().isdisjoint(KEYS):
        return signals
    for name, value, opinion in _marks(record):
        signals.add(name, value, opinion)
    return signals


def _marks(record: Record) -> Iterator[tuple[str, Any, bool | None]]:
    for key, value in record.items():
        if value is None or key not in KEYS:
            continue
        if isinstance(value, list):
            for item in value[:50]:
                yield from _judgement(mapping(item), key)
        elif key in _STATS:
            yield from _stats(value)
        elif key in _OPINIONS:
            yield from _opinion(key, value)
        elif key in _FLAGS:
            yield from _flag(key, value)
        elif isinstance(value, bool):
            yield from ((key, value, False),) if value and key in _BAD_FLAGS else ()
        elif isinstance(value, int | float):
            yield key, value, False if value == 0 and key in _WEIGHTS else None


def _flag(key: str, value: Any) -> Iterator[tuple[str, Any, bool | None]]:
    if isinstance(value, bool):
        yield key, value, None if value and key in _TRAINING else value
    elif isinstance(value, str) and (word := value.strip().lower()) in _LABELS:
        yield key, word, _LABELS[word]


def _opinion(key: str, value: Any) -> Iterator[tuple[str, Any, bool | None]]:
    if isinstance(value, dict):
        yield from _judgement(value, key)
    elif isinstance(value, bool):
        yield key, value, value
    elif isinstance(value, int | float):
        yield key, value, False if value < 0 else None
    elif isinstance(value, str):
        opinion = opinion_of(value)
        if opinion is not None:
            yield key, value.strip().lower(), opinion


def _judgement(judged: Record, key: str) -> Iterator[tuple[str, Any, bool | None]]:
    """One judgement as an object: who or what judges, and the value."""
    named = next(
        (judged[k] for k in ("name", "key", "assessment_name", "metric") if isinstance(judged.get(k), str)), key
    )
    name = named[:40]
    of_people = "rating" in judged or any(word in f"{key} {name}".lower() for word in _JUDGES)
    for field_name in _VALUES:
        value = judged.get(field_name)
        if isinstance(value, dict):
            value = value.get("value")
        if isinstance(value, bool):
            yield name, value, value if of_people else None
            return
        if isinstance(value, int | float):
            yield name, value, _of_number(value, of_people, judged)
            return
        if isinstance(value, str) and (opinion := opinion_of(value)) is not None:
            yield name, value.strip().lower(), opinion if of_people else None
            return


def _of_number(value: float, of_people: bool, judged: Record) -> bool | None:
    """Scales are seldom told: below zero is bad where people judge; so is zero there, or where it means no."""
    if value < 0 and of_people:
        return False
    if value == 0:
        binary = str(judged.get("dataType") or judged.get("data_type")).upper() == "BOOLEAN"
        return False if of_people or binary else None
    return True if of_people and value == 1 and "score" in judged else None


def _stats(value: Any) -> Iterator[tuple[str, Any, bool | None]]:
    """LangSmith's averages by key."""
    for name, stats in list(mapping(value).items())[:50]:
        mean = mapping(stats).get("avg")
        if isinstance(mean, int | float) and isinstance(name, str):
            of_people = any(word in name.lower() for word in _JUDGES)
            yield name[:40], mean, _of_number(mean, of_people, {"score": mean})
