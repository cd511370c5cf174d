"""Sign-in: a personal token, or the company's OIDC provider where `.streamlit/secrets.toml` configures one."""

import base64
import json
import time

import streamlit as st

from dashboard.server.mounting import mount
from dashboard.server.tickets import TICKETS

_ALMOST_OVER_SECONDS = 30


def render(notice: str = "") -> None:
    token = _token_of_provider()
    told = {
        "mode": "hand_over" if token else "sign_in",
        "notice": notice,
        "ticket": TICKETS.draw(token) if token else "",
    }
    mount("session", "sign_in", told)
    if not has_provider():
        return
    _, middle, _ = st.columns([1, 1, 1])
    with middle:
        if token:
            st.text(f"Your organisation signed you in as {st.user.get('email') or st.user.get('sub')}.")
            st.button("Use another account", on_click=st.logout, width="stretch")
        else:
            _say_what_is_missing()
            st.button("Sign in with your organisation", on_click=st.login, width="stretch")


def has_provider() -> bool:
    return "auth" in st.secrets


def _token_of_provider() -> str | None:
    """The identity token (JWT) that the service takes too; None also for one that is over: its time is often short."""
    if not has_provider() or not st.user.is_logged_in:
        return None
    token = st.user.tokens.get("id")
    return token if token and _ends(token) > time.time() + _ALMOST_OVER_SECONDS else None


def _say_what_is_missing() -> None:
    if st.user.is_logged_in and not st.user.tokens.get("id"):
        st.text('The pages receive no identity token: put expose_tokens = "id" into [auth] of .streamlit/secrets.toml.')


def _ends(token: str) -> float:
    """When the token is over, by its own word: checking it is the service's."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"])
    except (ValueError, LookupError, TypeError):
        return 0.0
