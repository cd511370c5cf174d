"""What the coach saves: the sentence, both arms, each person's ratio, and the same by group."""

from datetime import date

import streamlit as st

from api.client.client import ServiceError
from api.models import ArmFigures, Efficiency, Estimate, GroupBy, PaperAccounting
from coachlm.pairs import TaskClass
from dashboard.parts.charts import Row
from dashboard.parts.figures import Figure, show_figures
from dashboard.parts.messages import show_error
from dashboard.parts.session import class_name, signed_in
from dashboard.parts.tables import Column, show_table
from dashboard.views.people.charts import show_effects

_PER_DAY = "8 h ÷ mean active seconds of first submits, people and weeks weighted alike in both arms"
_RATIO = (
    "exp of the mean difference of ln seconds between the arms, within person, week and class, − 1; "
    "docs/explanations/efficiency.md"
)
_PAPER = (
    "As the paper counts: gross = now with coach ÷ the 28 days before − 1; net = gross with practice (control arm "
    "now ÷ before) taken out. It says what changed, not why."
)
_GROUP = "people_group"
_GROUPS = {
    "group": Column(),
    "without coach: pairs / person-day": Column("{:,.0f}", _PER_DAY),
    "with coach: pairs / person-day": Column("{:,.0f}", _PER_DAY),
    "gain in pairs per hour": Column("{:+.1%}", _RATIO),
    "low": Column("{:+.1%}", "Lower end of its 95 % interval"),
    "high": Column("{:+.1%}", "Upper end of its 95 % interval"),
    "in words": Column(),
}


@st.fragment(parallel=True)
def show_efficiency(first: date, last: date, unit: TaskClass | None) -> None:
    """By itself: the service's first estimate loads a statistics library, and nobody should wait for that to see the
    rest."""
    group = GroupBy(st.session_state.get(_GROUP) or GroupBy.UNIT)
    place = st.empty()
    place.text("Estimating…")
    try:
        found = signed_in().service.figures.efficiency(first, last, unit=unit, group=group)
    except ServiceError as error:
        place.empty()
        show_error(error)
        return
    with place.container():
        _sentence(found.whole)
        show_figures(_arms(found))
        show_effects(found.whole)
        _groups(found)


def _sentence(estimate: Estimate) -> None:
    show = {"faster": st.success, "slower": st.error}.get(estimate.verdict, st.info)
    show(estimate.sentence)
    if estimate.unusable:
        named = ", ".join(f"{person} ({count})" for person, count in estimate.unusable.items())
        st.text(f"Submits left out, since their time is zero, negative or not a number: {named}")


def _arms(found: Efficiency) -> list[Figure]:
    whole, speed = found.whole, found.whole.speed
    if speed is None:
        return [
            _sample("without\N{NO-BREAK SPACE}coach", whole.control),
            _sample("with\N{NO-BREAK SPACE}coach", whole.coach),
        ]
    shown = [_arm("without\N{NO-BREAK SPACE}coach", whole.control), _arm("with\N{NO-BREAK SPACE}coach", whole.coach)]
    note = f"95 % interval {speed.low - 1:+.1%} to {speed.high - 1:+.1%}, over annotators like these"
    return [
        *shown,
        Figure("gain in pairs per hour", f"{speed.ratio - 1:+.1%}", _RATIO, note),
        _paper(found.paper),
    ]


def _sample(name: str, arm: ArmFigures) -> Figure:
    """No rate: of so few pairs it would only mislead."""
    return Figure(
        f"first submits {name}", f"{arm.pairs:,}", "What the estimate will be made from", f"{arm.hours:,.1f} h"
    )


def _arm(name: str, arm: ArmFigures) -> Figure:
    rate = "–" if arm.pairs_per_person_day is None else f"{arm.pairs_per_person_day:.0f}"
    return Figure(f"pairs / person-day {name}", rate, _PER_DAY, f"{arm.pairs:,} pairs, {arm.hours:,.1f} h")


def _paper(paper: PaperAccounting | None) -> Figure:
    shown = "–" if paper is None else f"{paper.gross:+.0%} / {paper.net:+.0%}"
    note = "No work in the 28 days before by the same people." if paper is None else paper.sentence
    return Figure("gross / net, as the paper", shown, _PAPER, note)


def _groups(found: Efficiency) -> None:
    with st.expander("By unit, class, adapter or month"):
        names = [each.value for each in GroupBy]
        st.segmented_control(
            "Group", names, default=GroupBy.UNIT.value, required=True, label_visibility="collapsed", key=_GROUP
        )
        if not found.groups:
            st.text("Nobody has submitted anything in this period.")
            return
        rows = [_group_row(class_name(name), one) for name, one in found.groups.items()]
        show_table(rows, _GROUPS, "groups", label="What the coach saves, by group")
        st.caption(
            "Intervals are not corrected for multiple comparisons: one in twenty groups without an effect shows one."
        )


def _group_row(name: str, one: Estimate) -> Row:
    speed = one.speed
    ratios = (None, None, None) if speed is None else (speed.ratio - 1, speed.low - 1, speed.high - 1)
    rates = (None, None) if speed is None else (one.control.pairs_per_person_day, one.coach.pairs_per_person_day)
    values = (name, *rates, *ratios, one.sentence)
    return dict(zip(_GROUPS, values, strict=True))
