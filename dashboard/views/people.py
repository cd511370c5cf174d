"""People and the coach: pairs per person-day, quality, learning curves, and what the coach saves by its control arm."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from api.models import Efficiency, Estimate, GroupBy, PaperAccounting, PeopleFigures, PersonFigures
from api.models.people import PersonRole
from coachlm.pairs import TaskClass
from dashboard.charts import defused, show_chart, show_table
from dashboard.session import Session, signed_in

_COLUMNS: dict[str, tuple[str, str]] = {
    "pairs / person-day": ("%.0f", "Submits × 8 h ÷ active time"),
    "submitted": ("%d", "Post-edits; what was taken back doesn't count"),
    "active h": ("%.1f", "Claim to submit by heartbeats, idle gaps cut"),
    "untouched": ("percent", "Submits whose text is the one that was handed out ÷ submits"),
    "edits from raw": ("%.0f", "Characters of edits from the raw pair to the submitted text, mean"),
    "edits from coach": ("%.0f", "Characters of edits from the coach's text to the submitted text, mean"),
    "sent back": ("percent", "Reviews that sent the text back ÷ reviews"),
    "disagreement": ("percent", "Reviews in which the owner corrected or sent back ÷ reviews"),
    "set aside": ("%d", "Pairs excluded by the person"),
    "skipped": ("%d", "Items handed to others"),
}
_PER_DAY = "8 h ÷ mean active seconds of first submits, people and weeks weighted alike in both arms"
_RATIO = "exp of the mean difference of ln seconds between the arms, within person, week and class; docs/efficiency.md"
_PAPER = (
    "As the paper counts: gross = now with coach ÷ the 28 days before − 1; net = gross with practice (control arm "
    "now ÷ before) taken out. It says what changed, not why."
)


def render() -> None:
    session = signed_in()
    own = session.me.role is PersonRole.ANNOTATOR
    st.subheader("My figures" if own else "People and efficiency")
    first, last, unit = _period(session, own)
    if first is None or last is None:
        st.text("Choose the first and the last day.")
        return
    found = session.service.my_figures(first, last) if own else session.service.people_figures(first, last, unit)
    if not own:
        _efficiency(session, first, last, unit)
    _people(found)
    _learning(found.people)


def _period(session: Session, own: bool) -> tuple[date | None, date | None, TaskClass | None]:
    today = datetime.now(UTC).date()
    left, right = st.columns([2, 1])
    chosen = left.date_input("Period (UTC)", (today - timedelta(days=27), today), max_value=today)
    days = chosen if isinstance(chosen, tuple) else (chosen, chosen)
    unit = None
    if not own and session.me.unit is None:
        names = ["every unit", *(each.value for each in TaskClass)]
        name = right.selectbox("Unit", names)
        unit = None if name == names[0] else TaskClass(name)
    return (days[0], days[1], unit) if len(days) == 2 else (None, None, unit)


def _people(found: PeopleFigures) -> None:
    st.markdown("**What people did**")
    if not found.people:
        st.text("Nobody has submitted anything in this period.")
        return
    show_table(pd.DataFrame([_row(person) for person in found.people]), _COLUMNS, "people")


def _row(person: PersonFigures) -> dict[str, Any]:
    work = person.work
    values = (
        work.pairs_per_person_day, work.submitted, work.active_seconds / 3600, work.untouched_share,
        work.mean_raw_distance, work.mean_revision_distance, work.return_rate, work.disagreement_rate,
        work.excluded, work.skipped,
    )  # fmt: skip
    return {"person": person.person, "unit": person.unit or "every class", **dict(zip(_COLUMNS, values, strict=True))}


def _learning(people: Sequence[PersonFigures]) -> None:
    points = [
        {"day": each.day, "person": person.person, "pairs per person-day": each.work.pairs_per_person_day}
        for person in people
        for each in person.days
        if each.work.pairs_per_person_day is not None
    ]
    if not points:
        return
    st.markdown("**Learning curves**")
    table = defused(pd.DataFrame(points))
    chart = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(x=alt.X("day:T", title=None), y="pairs per person-day:Q", color=alt.Color("person:N", title=None))
        .properties(height=260)
    )
    show_chart(chart, table, "learning", about="Each day's submits × 8 h ÷ that day's active time.")


def _efficiency(session: Session, first: date, last: date, unit: TaskClass | None) -> None:
    st.markdown("**What the coach saves**")
    group = GroupBy(st.session_state.get(_GROUP) or GroupBy.UNIT)
    found = session.service.efficiency(first, last, unit=unit, group=group)
    _sentence(found.whole)
    _arms(found)
    _effects(found.whole)
    _groups(found)


def _sentence(estimate: Estimate) -> None:
    show = {"faster": st.success, "slower": st.error}.get(estimate.verdict, st.info)
    show(estimate.sentence)
    if estimate.unusable:
        named = ", ".join(f"{person} ({count})" for person, count in estimate.unusable.items())
        st.text(f"Times left out because they are none (zero, negative, not a number): {named}")


def _arms(found: Efficiency) -> None:
    whole = found.whole
    columns = st.columns(4)
    for column, (name, arm) in zip(
        columns, (("without", whole.control), ("with coach", whole.coach)), strict=False
    ):  # fmt: skip
        rate = "–" if arm.pairs_per_person_day is None else f"{arm.pairs_per_person_day:.0f}"
        column.metric(f"{name}: pairs / person-day", rate, help=_PER_DAY)
        column.caption(f"{arm.pairs:,} pairs, {arm.hours:,.1f} h", help="First submits of this arm; their active time")
    speed = whole.speed
    columns[2].metric(
        "pairs per hour, with over without", "–" if speed is None else f"{speed.ratio - 1:+.1%}", help=_RATIO
    )
    if speed is not None:
        about = "Between annotators (random effects) and from sampling pairs; docs/efficiency.md"
        columns[2].caption(f"95 % interval {speed.low - 1:+.1%} to {speed.high - 1:+.1%}", help=about)
        _paper(found.paper, columns[3])


def _paper(paper: PaperAccounting | None, column: Any) -> None:
    shown = "–" if paper is None else f"{paper.gross:+.0%} / {paper.net:+.0%}"
    column.metric("gross / net, as the paper", shown, help=_PAPER)
    column.caption("No work in the 28 days before by the same people." if paper is None else paper.sentence)


def _effects(estimate: Estimate) -> None:
    if not estimate.people:
        return  # nothing is shown of a sample that is too small
    table = pd.DataFrame([one.model_dump() for one in estimate.people]).pipe(defused)
    base = alt.Chart(table).encode(y=alt.Y("person:N", title=None))
    ticks = alt.X("low:Q", title="pairs per hour, with coach over without (1: no difference)")
    marks = base.mark_rule(strokeWidth=3, color="#8a8f98").encode(x=ticks, x2="high:Q") + base.mark_point(
        filled=True, size=60, color="#3b82c4", opacity=1
    ).encode(x="ratio:Q", tooltip=["person", "ratio", "low", "high", "pairs"])
    show_chart(
        marks.properties(height=alt.Step(24)), table, "effects",
        about="Each person's own ratio with its 95 % interval from sampling pairs.",
    )  # fmt: skip


def _groups(found: Efficiency) -> None:
    with st.expander("By unit, class, adapter or month"):
        names = [each.value for each in GroupBy]
        st.segmented_control("Group", names, default=GroupBy.UNIT.value, label_visibility="collapsed", key=_GROUP)
        if not found.groups:
            st.text("Nobody has submitted anything in this period.")
            return
        show_table(pd.DataFrame([_group_row(name, one) for name, one in found.groups.items()]), _GROUPS, "groups")
        st.caption("Of twenty groups without any effect one will show one: each interval holds for itself alone.")


_GROUP = "people_group"
_GROUPS: dict[str, tuple[str, str]] = {
    "without: pairs / person-day": ("%.0f", _PER_DAY),
    "with coach: pairs / person-day": ("%.0f", _PER_DAY),
    "pairs per hour, with over without": ("percent", _RATIO),
    "low": ("percent", "Lower end of its 95 % interval"),
    "high": ("percent", "Upper end of its 95 % interval"),
}


def _group_row(name: str, one: Estimate) -> dict[str, Any]:
    speed = one.speed
    ratios = (None, None, None) if speed is None else (speed.ratio - 1, speed.low - 1, speed.high - 1)
    values = (one.control.pairs_per_person_day, one.coach.pairs_per_person_day, *ratios)
    return {"group": name, **dict(zip(_GROUPS, values, strict=True)), "in words": one.sentence}
