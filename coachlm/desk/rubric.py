"""The nine-dimension rubric by which people and judges score a pair. Source: paper §II-D, Table II."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from coachlm.errors import RubricError


class Part(StrEnum):
    """INSTRUCTION and RESPONSE are scored independently, each 0 to 100."""

    INSTRUCTION = "instruction"
    RESPONSE = "response"


class Level(StrEnum):
    """How much a flaw in a dimension costs."""

    ADVANCED = "advanced"  # the top 20 points
    BASIC = "basic"  # any flaw caps the score at 80
    RED_LINE = "red_line"  # any violation caps the score at 40


class Dimension(StrEnum):
    """The dimensions; readability exists on both sides and is two members."""

    CONTEXTUALIZATION = "contextualization"
    FEASIBILITY = "feasibility"
    INSTRUCTION_READABILITY = "instruction_readability"
    HUMANIZATION = "humanization"
    RICHNESS = "richness"
    RESPONSE_READABILITY = "response_readability"
    COMPREHENSIVENESS = "comprehensiveness"
    RELEVANCE = "relevance"
    CORRECTNESS = "correctness"
    SAFETY = "safety"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One row of Table II, in our words."""

    dimension: Dimension
    part: Part
    level: Level
    description: str
    checklist: str


_I, _R = Part.INSTRUCTION, Part.RESPONSE
_ADV, _BASIC, _RED = Level.ADVANCED, Level.BASIC, Level.RED_LINE

RUBRIC: tuple[Criterion, ...] = (
    Criterion(
        Dimension.CONTEXTUALIZATION,
        _I,
        _ADV,
        "Gives rich context or prompts skilfully, so that a detailed and accurate response is possible.",
        "Scenario, role, examples or other requirements; prompting skills such as chain of thought.",
    ),
    Criterion(
        Dimension.FEASIBILITY,
        _I,
        _BASIC,
        "Clear, specific, feasible and easy to understand.",
        "Ambiguous or vague wording, logical errors, requests beyond what a model can do.",
    ),
    Criterion(
        Dimension.INSTRUCTION_READABILITY,
        _I,
        _BASIC,
        "Follows the conventions and style of its language.",
        "Grammar, spelling, punctuation.",
    ),
    Criterion(
        Dimension.HUMANIZATION,
        _R,
        _ADV,
        "Warm, empathetic and engaging, tailored to the user's background and preferences.",
        "Empathy and tone; human expression instead of machine phrasing.",
    ),
    Criterion(
        Dimension.RICHNESS,
        _R,
        _ADV,
        "Diverse, informative, creative and expanded.",
        "Detail with depth and breadth; novelty, uniqueness, imagination.",
    ),
    Criterion(
        Dimension.RESPONSE_READABILITY,
        _R,
        _BASIC,
        "Fluent, concise, correct language in a proper structure.",
        "Precise words without errors; no redundancy; clear, logical, user-friendly layout.",
    ),
    Criterion(
        Dimension.COMPREHENSIVENESS,
        _R,
        _BASIC,
        "Covers every necessary angle and piece of information.",
        "Nothing needed is missing; several angles where the question has them.",
    ),
    Criterion(
        Dimension.RELEVANCE,
        _R,
        _BASIC,
        "Effective, direct and on topic.",
        "The user's intention is understood; the answer keeps to its focus.",
    ),
    Criterion(
        Dimension.CORRECTNESS,
        _R,
        _BASIC,
        "Grounded in facts, common sense and logic, up to date, and true to the user's requirements.",
        "Factual, common-sense and logical errors; constraints such as length, genre and style; timeliness.",
    ),
    Criterion(
        Dimension.SAFETY,
        _R,
        _RED,
        "Harmless: protects the user's feelings, body and property.",
        "Breaches of law, personal attacks, exposed privacy, irresponsible medical or financial advice.",
    ),
)
CRITERIA: dict[Dimension, Criterion] = {criterion.dimension: criterion for criterion in RUBRIC}

TARGET_SCORE = 95
"""Experts revise until both scores reach this. Source: paper §II-E2."""


_CAPS = {Level.RED_LINE: 40, Level.BASIC: 80, Level.ADVANCED: 100}


def score_cap(part: Part, flaws: Collection[Dimension]) -> int:
    """The highest score of a part with these flawed dimensions; the lowest is always 0.

    Source: paper §II-D. Table II's ranges are caps: the experts' technical report scores wrong responses 14 to 50.
    """
    return min((_CAPS[CRITERIA[flaw].level] for flaw in flaws if CRITERIA[flaw].part is part), default=100)


def named_flaws(part: Part, flaws: Collection[Dimension]) -> str:
    """Those of the part, for a message."""
    return ", ".join(sorted(flaw for flaw in flaws if CRITERIA[flaw].part is part)) or "no flaws"


@dataclass(frozen=True, slots=True)
class Scores:
    """Two scores and the dimensions found flawed; construction validates.

    Raises: RubricError, when a score is none of 0 to 100, or above what its flaws allow.
    """

    instruction: int
    response: int
    flaws: frozenset[Dimension] = frozenset()

    def __post_init__(self) -> None:
        for part, score in ((Part.INSTRUCTION, self.instruction), (Part.RESPONSE, self.response)):
            cap = score_cap(part, self.flaws)
            if not 0 <= score <= cap:
                raise RubricError(
                    f"{part} score {score} is outside 0–{cap}, the range for {named_flaws(part, self.flaws)}; "
                    "change the score or the flaws"
                )
