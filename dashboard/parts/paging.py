"""Turning the pages of a list whose service gives the place of the next page."""

from typing import Any

import streamlit as st


def pages_of(trail: str) -> list[Any]:
    """The `after` of each page that was turned, the one that is shown last; kept under the name `trail`."""
    return st.session_state.setdefault(trail, [None])


def show_first_page(trail: str) -> None:
    st.session_state[trail] = [None]


def turn_pages(turned: list[Any], following: Any, back: str, on: str) -> None:
    """Buttons, where there is more than one page. `following`: the next page's `after`, None behind the last."""
    if len(turned) == 1 and following is None:
        return
    earlier, later, _ = st.columns([1, 1, 5])
    if earlier.button(back, disabled=len(turned) == 1, width="stretch"):
        turned.pop()
        st.rerun()
    if later.button(on, disabled=following is None, width="stretch"):
        turned.append(following)
        st.rerun()
