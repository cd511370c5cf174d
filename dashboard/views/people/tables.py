"""What people did, as totals and a row for each."""

from collections.abc import Sequence

import streamlit as st

from api.models import PeopleFigures, PersonFigures
from coachlm.desk.efficiency import pairs_per_person_day, return_rate
from dashboard.parts.charts import Row
from dashboard.parts.figures import Figure, show_figures
from dashboard.parts.session import class_name
from dashboard.parts.tables import Column, show_table

_WORK: dict[str, tuple[str, str]] = {
    "pairs / person-day": ("{:,.0f}", "Submits × 8 h ÷ active time"),
    "submitted": ("{:,d}", "Post-edits; undone submits don't count"),
    "active h": ("{:,.1f}", "From claim to submit, by heartbeats, without idle time"),
    "untouched": ("{:.1%}", "Submits without a change to the text ÷ submits"),
    "edits from raw": ("{:,.0f}", "Characters of edits from the raw pair to the submitted text, mean"),
    "edits from coach": ("{:,.0f}", "Characters of edits from the coach's text to the submitted text, mean"),
    "sent back": ("{:.1%}", "Reviews that sent the text back ÷ reviews"),
    "disagreement": ("{:.1%}", "Reviews in which the owner corrected or sent back ÷ reviews"),
    "excluded": ("{:,d}", "Pairs excluded by the person"),
    "skipped": ("{:,d}", "Items passed on to others"),
}
_PEOPLE = {
    "person": Column(),
    "unit": Column(about="As it is now"),
    **{name: Column(*how) for name, how in _WORK.items()},
}


def show_people(found: PeopleFigures, own: bool) -> None:
    st.markdown("**What you did**" if own else "**What people did**")
    if not found.people:
        st.text(
            "You have submitted nothing in this period." if own else "Nobody has submitted anything in this period."
        )
        return
    show_figures(_totals(found.people, own))
    show_table([_row(person) for person in found.people], _PEOPLE, "people", label="What people did")


def _totals(people: Sequence[PersonFigures], own: bool) -> list[Figure]:
    """Of all that are shown together."""
    works = [person.work for person in people]
    submitted, reviewed, returned = (
        sum(getattr(work, name) for work in works) for name in ("submitted", "reviewed", "returned")
    )
    seconds = sum(work.active_seconds for work in works)
    pace, sent_back = pairs_per_person_day(submitted, seconds), return_rate(returned, reviewed)
    shown = {
        "submitted": f"{submitted:,}",
        "active h": f"{seconds / 3600:,.1f}",
        "pairs / person-day": "–" if pace is None else f"{pace:,.0f}",
        "sent back": "–" if sent_back is None else f"{sent_back:.1%}",
    }
    if own:
        return [Figure(name, value, _WORK[name][1]) for name, value in shown.items()]
    return [
        Figure("people", f"{len(people):,}", "Who did anything in this period"),
        *(Figure(f"all: {name}", value, _WORK[name][1]) for name, value in shown.items()),
    ]


def _row(person: PersonFigures) -> Row:
    work = person.work
    values = (
        work.pairs_per_person_day,
        work.submitted,
        work.active_seconds / 3600,
        work.untouched_share,
        work.mean_raw_distance,
        work.mean_revision_distance,
        work.return_rate,
        work.disagreement_rate,
        work.excluded,
        work.skipped,
    )
    return {
        "person": person.person,
        "unit": class_name(person.unit or "every class"),
        **dict(zip(_WORK, values, strict=True)),
    }
