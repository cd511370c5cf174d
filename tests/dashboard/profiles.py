"""Browser profiles of the people in the tests: emptied before each use, but for the scripts that they have cached."""

from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.server.gateway import SESSION_COOKIE


class Profiles:
    """One a person."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._of: dict[str, BrowserContext] = {}

    def open(self, person: str, token: str, address: str) -> Page:
        """A blank tab in the person's profile, signed in; nothing of an earlier test is kept in it."""
        context = self._of.get(person) or self._browser.new_context(viewport={"width": 1440, "height": 900})
        self._of[person] = context
        page = context.new_page()
        if not context.pages[1:]:
            forget(page, address)
        context.clear_cookies()
        context.add_cookies([session_cookie(token, address)])
        return page

    def close(self) -> None:
        for context in self._of.values():
            context.close()


def session_cookie(token: str, address: str) -> Any:
    """As the gateway sets it."""
    return {"name": SESSION_COOKIE, "value": token, "url": address, "httpOnly": True, "sameSite": "Strict"}


def forget(page: Page, address: str) -> None:
    """What pages of this address keep in the browser: drafts, submits on their way."""
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "local_storage"})
    session.detach()
