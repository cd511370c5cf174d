"""The script that Streamlit runs for every page: signs in, navigates by the person's role, runs the page."""

from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from api.client.client import ServiceError, UnauthorisedError, UnavailableError
from dashboard.catalogue import PAGES, Page, pages_for, start_of
from dashboard.parts.messages import show_error
from dashboard.parts.session import find_session, forget_session
from dashboard.server.mounting import ASSETS
from dashboard.views import account, away, login

_FIRST, _ACCOUNT = "start", "account"
_STYLE = Path(__file__).with_name("style.css")


def main() -> None:
    st.set_page_config(page_title="CoachLM", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(_STYLE)
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
    """At every page's address, so that what was bookmarked is there once somebody is signed in."""
    first = st.Page(render, title=title, url_path=_FIRST, default=True)
    others = [_hidden(render, title, path) for path in (*(page.path for page in PAGES), _ACCOUNT)]
    st.navigation([first, *others], position="hidden").run()


def _pages(role: "account.Role", name: str) -> None:
    own = st.Page(account.render, title=_plain(name), icon=":material/person:", url_path=_ACCOUNT)
    shown = pages_for(role)
    if not shown:
        first = st.Page(account.render, title=_plain(name), icon=":material/person:", url_path=_FIRST, default=True)
        chosen = st.navigation([first, _hidden(account.render, "Account", _ACCOUNT)], position="top")
    else:
        others = [page for page in PAGES if page not in shown]
        chosen = st.navigation([*_addressed(shown, start_of(role)), *map(_closed, others), own], position="top")
    st.set_page_config(page_title=f"{chosen.title} · CoachLM")
    try:
        chosen.run()
    except UnauthorisedError:
        forget_session()
        st.rerun()
    except UnavailableError as error:
        away.render(str(error))
    except ServiceError as error:
        show_error(error)


def _addressed(shown: list[Page], start: str | None) -> list[StreamlitPage]:
    """Streamlit's default page has the address `/` alone: a hidden twin answers at its own. Opened there, the twin is
    the one that the navigation shows and marks."""
    found: list[StreamlitPage] = []
    is_at_own = urlsplit(st.context.url or "").path.strip("/") == start
    for page in shown:
        is_start = page.path == start
        if is_start:
            hidden = "hidden" if is_at_own else "visible"
            found.append(
                st.Page(page.render, title=page.title, icon=page.icon, url_path=_FIRST, default=True, visibility=hidden)
            )
        if is_start and not is_at_own:
            found.append(_hidden(page.render, page.title, page.path))
        else:
            found.append(st.Page(page.render, title=page.title, icon=page.icon, url_path=page.path))
    return found


def _closed(page: Page) -> StreamlitPage:
    """A page of another role says so at its address."""
    return _hidden(partial(_say_closed, page), page.title, page.path)


def _say_closed(page: Page) -> None:
    st.subheader(page.title)
    roles = ", ".join(sorted(page.roles))
    st.text(f"This page is for people with another role ({roles}). An admin can change yours.")


def _hidden(render: "account.Render", title: str, path: str) -> StreamlitPage:
    return st.Page(render, title=title, url_path=path, visibility="hidden")


def _plain(name: str) -> str:
    """A person's name as a label: Streamlit would read Markdown in it."""
    escaped = "".join(f"\\{char}" if char in "\\`*_{}[]()<>#+-.!|~:$" else char for char in name)
    return " ".join(escaped.split())[:60] or "me"


main()
