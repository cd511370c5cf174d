"""People and the coach: pairs per person-day, quality, learning curves, and what the coach saves by its control arm."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from api.models import PeopleFigures, PersonFigures
from api.models.people import PersonRole
from coachlm.efficiency import Observation
from coachlm.pairs import TaskClass
from dashboard.charts import csv_of, defused, show_chart
from dashboard.session import Session, signed_in
from evaluation.efficiency import EfficiencyEstimate, Verdict, estimate_efficiency, estimate_groups
from evaluation.paper_accounting import paper_accounting

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
_GROUPS: dict[str, Callable[[Observation], Any]] = {
    "unit": lambda one: one.unit or "every class",
    "class": lambda one: one.task_class or "none",
    "adapter": lambda one: (one.adapter or "none")[:12],
    "month": lambda one: f"{one.day:%Y-%m}",
}


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
    table = defused(pd.DataFrame([_row(person) for person in found.people]))
    shown = {name: st.column_config.NumberColumn(format=form, help=about) for name, (form, about) in _COLUMNS.items()}
    st.dataframe(table, hide_index=True, width="stretch", column_config=shown)
    st.download_button("CSV", csv_of(table), "people.csv", "text/csv", key="csv people")


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
    rows = session.service.efficiency_rows(first, last, unit=unit)
    estimate = estimate_efficiency(rows)
    _sentence(estimate)
    columns = st.columns(4)
    for column, (name, arm) in zip(
        columns, (("without", estimate.control), ("with coach", estimate.coach)), strict=False
    ):
        rate = "–" if arm.pairs_per_person_day is None else f"{arm.pairs_per_person_day:.0f}"
        about = "8 h ÷ mean active seconds of first submits, people and weeks weighted alike in both arms"
        column.metric(f"{name}: pairs / person-day", rate, help=about)
        column.caption(f"{arm.pairs:,} pairs, {arm.hours:,.1f} h")
    speed = estimate.speed
    ratio = "–" if speed is None else f"{speed.ratio - 1:+.1%}"
    about = (
        "exp of the mean difference of ln seconds between the arms, within person, week and class; docs/efficiency.md"
    )
    columns[2].metric("pairs per hour, with over without", ratio, help=about)
    if speed is not None:
        columns[2].caption(f"95 % interval {speed.low - 1:+.1%} to {speed.high - 1:+.1%}")
        _paper(session, rows, unit, first, columns[3])
    _effects(estimate)
    _groups(rows)


def _sentence(estimate: EfficiencyEstimate) -> None:
    show = {Verdict.FASTER: st.success, Verdict.SLOWER: st.error}.get(estimate.verdict, st.info)
    show(estimate.sentence)
    if estimate.unusable:
        named = ", ".join(f"{person} ({count})" for person, count in estimate.unusable.items())
        st.text(f"Times left out because they are none (zero, negative, not a number): {named}")


def _paper(
    session: Session, rows: Sequence[Observation], unit: TaskClass | None, first: date, column: Any
) -> None:  # fmt: skip
    """Against the 28 days before the period."""
    baseline = session.service.efficiency_rows(first - timedelta(days=28), first - timedelta(days=1), unit=unit)
    found = paper_accounting(baseline, rows)
    about = (
        "As the paper counts: gross = now with coach ÷ the 28 days before − 1; net = gross with practice (control arm "
        "now ÷ before) taken out. It says what changed, not why."
    )
    column.metric(
        "gross / net, as the paper", "–" if found is None else f"{found.gross:+.0%} / {found.net:+.0%}", help=about
    )
    column.caption("No work in the 28 days before by the same people." if found is None else found.sentence)


def _effects(estimate: EfficiencyEstimate) -> None:
    if estimate.speed is None:
        return  # nothing is shown of a sample that is too small
    table = pd.DataFrame(
        {
            "person": one.person,
            "ratio": one.speed_ratio,
            "low": _bound(one, -1.96),
            "high": _bound(one, 1.96),
            "pairs": one.control_pairs + one.coach_pairs,
        }
        for one in estimate.people
    ).pipe(defused)
    base = alt.Chart(table).encode(y=alt.Y("person:N", title=None))
    ticks = alt.X("low:Q", title="pairs per hour, with coach over without (1: no difference)")
    marks = base.mark_rule(strokeWidth=3, color="#8a8f98").encode(x=ticks, x2="high:Q") + base.mark_point(
        filled=True, size=60, color="#3b82c4", opacity=1
    ).encode(x="ratio:Q", tooltip=["person", "ratio", "low", "high", "pairs"])
    show_chart(
        marks.properties(height=alt.Step(24)), table, "effects",
        about="Each person's own ratio with its 95 % interval from sampling pairs.",
    )  # fmt: skip


def _bound(one: Any, width: float) -> float:
    return math.exp(one.log_ratio + width * math.sqrt(one.variance))


def _groups(rows: Sequence[Observation]) -> None:
    with st.expander("By unit, class, adapter or month"):
        name = st.segmented_control("Group", list(_GROUPS), default="unit", label_visibility="collapsed") or "unit"
        for group, estimate in estimate_groups(rows, _GROUPS[name]).items():
            st.text(f"{group}: {estimate.sentence}")
        st.caption("Of twenty groups without any effect one will show one: each interval holds for itself alone.")
