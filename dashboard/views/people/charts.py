"""Charts of people: how they learn, and the coach's effect on each."""

from collections.abc import Sequence

import streamlit as st

from api.models import Estimate, PersonFigures
from dashboard.parts.charts import Spec, show_chart

_PER_PERSON_DAY = "pairs per person-day"
_CURVES: Spec = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {"field": "day", "type": "temporal", "title": None, "scale": {"type": "utc"}},
        "y": {"field": _PER_PERSON_DAY, "type": "quantitative"},
        "color": {"field": "person", "type": "nominal", "title": None},
        "tooltip": [
            {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate"},
            {"field": "person"},
            {"field": _PER_PERSON_DAY, "format": ".0f"},
        ],
    },
    "height": 260,
}
_RATIOS = {
    "type": "quantitative",
    "title": "pairs per hour, with coach over without (1: no difference)",
    "scale": {"zero": False},
}
_EFFECTS: Spec = {
    "encoding": {"y": {"field": "person", "type": "nominal", "title": None}},
    "layer": [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": "#8a8f98"},
            "encoding": {"x": {"field": "low", **_RATIOS}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "color": "#3b82c4", "opacity": 1},
            "encoding": {
                "x": {"field": "ratio", **_RATIOS},
                "tooltip": [
                    {"field": "person"},
                    *({"field": name, "format": ".3f"} for name in ("ratio", "low", "high")),
                    {"field": "pairs", "format": ",d"},
                ],
            },
        },
    ],
    "height": {"step": 24},
}


def show_learning(people: Sequence[PersonFigures]) -> None:
    points = [
        {"day": each.day, "person": person.person, _PER_PERSON_DAY: each.work.pairs_per_person_day}
        for person in people
        for each in person.days
        if each.work.pairs_per_person_day is not None
    ]
    if not points:
        return
    st.markdown("**Learning curves**")
    show_chart(_CURVES, points, "learning", about="Each day's submits × 8 h ÷ that day's active time.")


def show_effects(estimate: Estimate) -> None:
    """Nothing is shown of a sample that is too small."""
    if estimate.people:
        show_chart(
            _EFFECTS,
            [one.model_dump() for one in estimate.people],
            "effects",
            about="Each person's own ratio with its 95 % interval from sampling pairs.",
        )
