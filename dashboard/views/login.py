"""Sign-in: a personal token, or the company's OIDC provider where `.streamlit/secrets.toml` configures one."""

import streamlit as st

from dashboard.mounting import mount


def render(notice: str = "") -> None:
    provider_token = _token_of_provider()
    has_provider = "auth" in st.secrets
    mount(
        "session",
        "sign_in",
        {"mode": "hand_over" if provider_token else "sign_in", "token": provider_token, "notice": notice},
    )
    if has_provider and not provider_token:
        _, middle, _ = st.columns([1, 1, 1])
        middle.button("Sign in with your organisation", on_click=st.login, width="stretch")


def _token_of_provider() -> str | None:
    """The identity token (JWT) that the service takes too; needs `expose_tokens = "id"` in the secrets."""
    if "auth" not in st.secrets or not st.user.is_logged_in:
        return None
    return st.user.tokens.get("id")
