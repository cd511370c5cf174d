"""Signing in with a company's identity provider, in a real browser and with a real provider: in, out, mid-edit."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from dashboard.server.gateway import SESSION_COOKIE
from storage.people.accounts import Accounts
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office
from tests.identity import CLIENT, IdentityProvider

pytestmark = pytest.mark.browser

_RS256 = base64.b64encode(b'{"typ":"JWT","alg":"RS256"}').rstrip(b"=")  # how the provider's tokens begin
_SECRETS = """[auth]
redirect_uri = "{pages}/oauth2callback"
cookie_secret = "a secret of this test alone"
client_id = "{client}"
client_secret = "another"
server_metadata_url = "{provider}/.well-known/openid-configuration"
expose_tokens = "id"
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office whose people sign in at their company; Ada is known to both."""
    folder: Path = tmp_path_factory.mktemp("company")
    provider = IdentityProvider(folder)
    provider.start()
    try:
        office = Office(folder, **provider.settings)
        (folder / ".streamlit").mkdir()
        secrets = _SECRETS.format(pages=office.pages.url, provider=provider.url, client=CLIENT)
        (folder / ".streamlit" / "secrets.toml").write_text(secrets)
        Accounts(office.database).set_subject("ada", "ada@example.com")
        with office:
            yield office
    finally:
        provider.stop()


@pytest.fixture
def tab(company: Office, browser: Browser) -> Iterator[DeskPage]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = DeskPage(context.new_page(), company.pages.url)
    yield page
    print(page.seen())
    context.close()


def sign_in(page: Page, subject: str) -> None:
    """Through the provider's own form, and back."""
    page.get_by_role("button", name="Sign in with your organisation").click()
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_in_and_out(company: Office, tab: DeskPage) -> None:
    frames: list[bytes | str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(frame))

    tab.page.on("websocket", listen)
    sign_in(tab.page, "ada@example.com")
    tab.await_words(".empty", "The queue is empty")
    expect(tab.page.get_by_role("link", name="ada")).to_be_visible()
    # The identity token stays with the pages' server: it is in nothing that a script of the page could read.
    assert frames
    assert not [frame for frame in frames if _RS256 in (frame if isinstance(frame, bytes) else frame.encode())]
    assert "coachlm" not in tab.page.evaluate("document.cookie")
    tab.page.get_by_role("link", name="ada").click()
    tab.page.get_by_role("button", name="Sign out").click()
    tab.page.get_by_role("button", name="End session").click()  # the provider's
    expect(tab.page.get_by_role("button", name="Sign in with your organisation")).to_be_visible()
    names = {cookie.get("name") for cookie in tab.page.context.cookies()}
    assert not names & {SESSION_COOKIE, "_streamlit_user", "_streamlit_user_tokens"}


def test_whom_only_the_company_knows_is_told_so(company: Office, tab: DeskPage) -> None:
    sign_in(tab.page, "eve@example.com")
    expect(tab.page.locator(".error")).to_contain_text("There is no account for you yet")
    expect(tab.page.get_by_text("Your organisation signed you in as eve@example.com.")).to_be_visible()
    tab.page.get_by_role("button", name="Use another account").click()
    tab.page.get_by_role("button", name="End session").click()
    expect(tab.page.get_by_role("button", name="Sign in with your organisation")).to_be_visible()


def test_a_session_that_ends_mid_edit_goes_on_after_signing_in_in_another_tab(company: Office, tab: DeskPage) -> None:
    company.queue(*samples.fresh(1))
    sign_in(tab.page, "ada@example.com")
    first = tab.await_item()
    tab.page.context.clear_cookies(name=SESSION_COOKIE)
    tab.edit_response(" Kept.")
    tab.await_words(".notice", "Your session has ended")
    tab.press("Alt+KeyL")
    with tab.page.context.expect_page() as opened:
        tab.page.get_by_role("button", name="With your organisation (new tab)").click()
    expect(opened.value.get_by_role("link", name="ada")).to_be_visible()
    opened.value.close()
    tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when a tab is seen again
    tab.await_saved()
    tab.await_item(first)
    assert tab.text("response").endswith("Kept.")
