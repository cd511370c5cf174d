"""The script that Streamlit runs for every page: signs in, navigates by the person's role, runs the page."""

from functools import partial

import streamlit as st

from api.client import ServiceError, UnauthorisedError, UnavailableError
from dashboard.catalogue import pages_for
from dashboard.messages import show_error
from dashboard.mounting import ASSETS
from dashboard.session import find_session, forget_session
from dashboard.views import account, away, login

_CSS = """<style>
  .stMainBlockContainer { padding: 3.4rem 1rem 1rem; }
  .stAppHeader { height: 2.9rem; min-height: 2.9rem; }
  [data-testid="stHeader"] { border-bottom: 1px solid var(--st-border-color, rgba(128, 128, 128, .35)); }
</style>"""


def main() -> None:
    st.set_page_config(page_title="CoachLM", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(_CSS)
    try:
        session = find_session()
    except UnavailableError as error:
        _alone("CoachLM", partial(away.render, str(error)))
    except UnauthorisedError:
        forget_session()
        _alone("Sign in", partial(login.render, "Your session has ended or the token was replaced."))
    except ServiceError as error:
        _alone("CoachLM", partial(show_error, error))
    else:
        if session is None:
            _alone("Sign in", login.render)
        else:
            _pages(session.me.role, session.me.name)


def _alone(title: str, render: "account.Render") -> None:
    st.navigation([st.Page(render, title=title, url_path="welcome", default=True)], position="hidden").run()


def _pages(role: "account.Role", name: str) -> None:
    shown = [
        st.Page(page.render, title=page.title, icon=page.icon, url_path=page.path, default=index == 0)
        for index, page in enumerate(pages_for(role))
    ]
    own = st.Page(account.render, title=_plain(name), icon=":material/person:", url_path="account", default=not shown)
    chosen = st.navigation([*shown, own], position="top")
    try:
        chosen.run()
    except UnauthorisedError:
        forget_session()
        st.rerun()
    except UnavailableError as error:
        away.render(str(error))
    except ServiceError as error:
        show_error(error)


def _plain(name: str) -> str:
    """A person's name as a label: Streamlit would read Markdown in it."""
    escaped = "".join(f"\\{char}" if char in "\\`*_{}[]()<>#+-.!|~:$" else char for char in name)
    return " ".join(escaped.split())[:60] or "me"


main()
