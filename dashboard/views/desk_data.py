"""What the desk's component is told once: whose desk it is, the rubric, the reasons and categories to choose from."""

from typing import Any

from api.models import Me
from api.models.people import PersonRole
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import RUBRIC, TARGET_SCORE, Criterion, Dimension, Part, score_cap
from coachlm.pairs import ExcludeReason

_REASONS: dict[ExcludeReason, str] = {
    ExcludeReason.INVALID_INPUT: "The key content of the instruction is invalid or missing",
    ExcludeReason.BEYOND_EXPERTISE: "Too specialised to be judged here",
    ExcludeReason.MASSIVE_WORKLOAD: "Verse or lyrics that would have to be rewritten",
    ExcludeReason.MULTI_MODAL: "About images, video or audio",
    ExcludeReason.SAFETY: "Toxic, copyrighted or sensitive",
    ExcludeReason.REFUSAL: "A refusal without content",
    ExcludeReason.LANGUAGE: "In a language that isn't worked on",
    ExcludeReason.MANUAL: "Another reason: say which",
}
_CATEGORIES: dict[RevisionCategory, str] = {
    RevisionCategory.INSTRUCTION_LANGUAGE: "Instruction: language, layout",
    RevisionCategory.INSTRUCTION_FEASIBILITY: "Instruction: made feasible, clear",
    RevisionCategory.INSTRUCTION_CONTEXT: "Instruction: context added",
    RevisionCategory.RESPONSE_EXPANSION: "Response: expanded, reasoning added",
    RevisionCategory.RESPONSE_REWRITE: "Response: rewritten, made relevant",
    RevisionCategory.RESPONSE_LAYOUT_TONE: "Response: layout, tone",
    RevisionCategory.RESPONSE_FACTS: "Response: facts corrected",
    RevisionCategory.RESPONSE_OTHER: "Response: safety, creative work",
}


def desk_data(me: Me, *, has_provider: bool) -> dict[str, Any]:
    return {
        "person": me.name,
        "unit": me.unit,
        "classNames": me.class_names,
        "undoSeconds": me.undo_seconds,
        "idleSeconds": me.idle_seconds,
        "hasProvider": has_provider,
        "beginsAtOnce": me.role is PersonRole.ANNOTATOR,  # others may only look in
        "criteria": criteria_data(),
        "target": TARGET_SCORE,
        "reasons": reason_data(),
        "categories": [{"value": kind.value, "label": label} for kind, label in _CATEGORIES.items()],
    }


def criteria_data() -> list[dict[str, Any]]:
    """Table II, in its order."""
    return [_criterion(criterion) for criterion in RUBRIC]


def reason_data() -> list[dict[str, str]]:
    """Why a pair is excluded, with what that means."""
    return [{"value": reason.value, "label": label} for reason, label in _REASONS.items()]


def _criterion(criterion: Criterion) -> dict[str, Any]:
    """With the highest score that a part with this flaw alone may get."""
    return {
        "dimension": criterion.dimension.value,
        "label": _label(criterion.dimension),
        "part": criterion.part.value,
        "level": criterion.level.value,
        "description": criterion.description,
        "checklist": criterion.checklist,
        "high": score_cap(criterion.part, {criterion.dimension}),
    }


def _label(dimension: Dimension) -> str:
    name = dimension.value.removeprefix(f"{Part.INSTRUCTION.value}_").removeprefix(f"{Part.RESPONSE.value}_")
    return name.capitalize()
