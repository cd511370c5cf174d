"""People and the coach: pairs per person-day, quality, learning curves, and what the coach saves by its control arm."""

from datetime import UTC, date, datetime, timedelta

import streamlit as st

from api.models.people import PersonRole
from coachlm.pairs import TaskClass
from dashboard.parts.session import Session, class_name, signed_in
from dashboard.views.people.charts import show_learning
from dashboard.views.people.efficiency import show_efficiency
from dashboard.views.people.tables import show_people

_PERIODS = {"7 days": 7, "28 days": 28, "91 days": 91}
_OTHER = "other…"


def render() -> None:
    session = signed_in()
    own = session.me.role is PersonRole.ANNOTATOR
    st.subheader("My figures" if own else "People and efficiency")
    first, last, unit = _chosen(session, own)
    if first is None or last is None:
        st.text("Choose the first and the last day.")
        return
    if not own:
        st.markdown("**What the coach saves**")
        show_efficiency(first, last, unit)
    found = session.service.figures.mine(first, last) if own else session.service.figures.people(first, last, unit)
    show_people(found, own)
    show_learning(found.people)


def _chosen(session: Session, own: bool) -> tuple[date | None, date | None, TaskClass | None]:
    """The period, days of UTC, and whose work."""
    left, right = st.columns([2, 3])
    chosen = left.segmented_control("Period", [*_PERIODS, _OTHER], default="28 days", required=True)
    unit = None
    if not own and session.me.unit is None:
        names = ["every unit", *(each.value for each in TaskClass)]
        name = right.segmented_control("Unit", names, default=names[0], required=True, format_func=class_name)
        unit = None if name == names[0] else TaskClass(name)
    today = datetime.now(UTC).date()
    if chosen != _OTHER:
        return today - timedelta(days=_PERIODS[chosen or "28 days"] - 1), today, unit
    days = st.date_input("First and last day (UTC)", (today - timedelta(days=27), today), max_value=today)
    return (days[0], days[1], unit) if isinstance(days, tuple) and len(days) == 2 else (None, None, unit)
