"""Who is signed in, and the way out."""

from collections.abc import Callable
from zoneinfo import available_timezones

import streamlit as st

from api.client.client import ServiceError
from api.models.people import PersonRole
from dashboard.parts.session import Session, class_name, forget_session, signed_in
from dashboard.server.mounting import mount
from dashboard.views.login import has_provider

Role = PersonRole
Render = Callable[[], None]


def render() -> None:
    session = signed_in()
    me = session.me
    st.subheader("Signed in")
    st.text(f"{me.name}\n{me.role}, {class_name(me.unit or 'every class')}")
    _choose_zone(session)
    if st.session_state.get("coachlm_leaving"):
        # Our cookie first: with the provider's alone, the sign-in page would let the person in again.
        at_provider = has_provider() and st.user.is_logged_in
        mount("session", "sign_out", {"mode": "sign_out", "next": "./auth/logout" if at_provider else "./"})
    elif st.button("Sign out", type="primary"):
        _give_back(session)
        st.session_state["coachlm_leaving"] = True
        st.rerun()


def _choose_zone(session: Session) -> None:
    """Where the person's days begin."""
    zones = sorted(available_timezones())
    now = session.me.time_zone
    browser = st.context.timezone
    about = f"This browser is in {browser}." if browser and browser != now else None
    chosen = st.selectbox("Time zone: where your days begin", zones, index=zones.index(now), help=about)
    if chosen != now:
        session.service.people.change_me(time_zone=chosen)
        forget_session()
        st.rerun()


def _give_back(session: Session) -> None:
    """What was fetched ahead goes back into the queue; what has a draft stays until its lease ends."""
    try:
        for item in session.service.desk.held():
            if item.draft is None:
                session.service.desk.release(item)
    except ServiceError:
        return  # the leases end by themselves
