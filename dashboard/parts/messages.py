"""Errors of the service as messages for people: what is wrong and what to do."""

import streamlit as st

from api.client.client import ForbiddenError, NotOfferedError, ServiceError, StaleError, TooOftenError, UnavailableError

_TITLES: dict[type[ServiceError], str] = {
    ForbiddenError: "Your role doesn't allow this",
    StaleError: "This changed meanwhile",
    TooOftenError: "Too many requests: wait a moment",
    UnavailableError: "The service is unavailable",
    NotOfferedError: "This installation doesn't offer this",
}


def show_error(error: ServiceError) -> None:
    """As plain text: a message may quote what somebody wrote."""
    title = next((title for kind, title in _TITLES.items() if isinstance(error, kind)), "That didn't work")
    with st.container(border=True):
        st.markdown(f"**:red[{title}]**")
        st.text(str(error))
        if error.problem is not None and error.problem.request_id:
            st.caption(f"Request {error.problem.request_id}: operators find it in the service's log.")
