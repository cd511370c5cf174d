"""The rules of the desk: how long things last, and what share of the work is sampled."""

from dataclasses import dataclass

from coachlm.settings import Settings


@dataclass(frozen=True, slots=True)
class DeskRules:
    """Taken from the desk's settings of the same names, which say what each is for."""

    undo_seconds: int = 60
    idle_seconds: int = 60
    max_held_items: int = 3
    control_share: float = 0.05
    review_share: float = 0.2
    review_flagged_share: float = 0.5
    review_trusted_share: float = 0.05
    newcomer_reviews: int = 50
    conversations_in_order: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "DeskRules":
        return cls(**{name: getattr(settings.desk, name) for name in cls.__slots__})
