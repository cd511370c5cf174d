"""Shown while the service can't be reached; continues by itself when it is back."""

import streamlit as st

from api.client.client import Client, ServiceError, UnavailableError
from dashboard.parts.session import forget_session

RETRY_SECONDS = 3


def render(reason: str) -> None:
    st.subheader("The service is unavailable")
    st.markdown(
        f"This page retries every {RETRY_SECONDS} seconds. Texts that you are editing are kept in this browser."
    )
    st.text(f"For the admin: {reason}")
    _retry()


@st.fragment(run_every=RETRY_SECONDS)
def _retry() -> None:
    service = Client(st.secrets["coachlm"]["api_url"], "", timeout_seconds=2.0, tries=1)
    try:
        service.me()
    except UnavailableError:
        st.caption("Still unavailable.")
        return
    except ServiceError:
        pass  # it answers: without a token it says so
    finally:
        service.close()
    forget_session()
    st.rerun()
