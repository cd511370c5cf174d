"""Who uses the page: the token from the session cookie, the service's client for it, and the person it belongs to."""

from dataclasses import dataclass

import streamlit as st

from api.client.client import Client
from api.models import Me
from dashboard.server.gateway import SESSION_COOKIE

_KEY = "coachlm_session"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person; every call to the service goes through `service`, under the person's own token."""

    service: Client
    me: Me
    token: str


def find_session() -> Session | None:
    """None: nobody is signed in. Asks the service once a browser session.

    Raises: UnauthorisedError, for a token that isn't known any more; UnavailableError.
    """
    token = st.context.cookies.get(SESSION_COOKIE)
    known: Session | None = st.session_state.get(_KEY)
    if not token:
        st.session_state.pop(_KEY, None)
        return None
    if known is None or known.token != token:
        # A page shouldn't hang on a service that is away: it shows so and tries again by itself.
        caller = st.context.ip_address or ""
        url = st.secrets["coachlm"]["api_url"]
        service = Client(url, token, timeout_seconds=15.0, tries=2, on_behalf_of=caller)
        known = st.session_state[_KEY] = Session(service, service.me(), token)
    return known


def signed_in() -> Session:
    """For pages, which only run when somebody is signed in."""
    session = st.session_state.get(_KEY)
    if session is None:
        st.rerun()
    return session


def class_name(name: str) -> str:
    """What this installation calls a task class or unit; any other name as it is."""
    names = {task_class.value: called for task_class, called in signed_in().me.class_names.items()}
    return names.get(name, name)


def forget_session() -> None:
    st.session_state.pop(_KEY, None)
