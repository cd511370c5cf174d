"""Signing in and out, what a role sees, and a service that is away: the pages' shell in a real browser."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, expect

from dashboard.server.gateway import SESSION_COOKIE
from dashboard.server.mounting import assets_path
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office

SitDown = Callable[..., DeskPage]


def test_a_token_lets_in_a_reload_keeps_it_and_signing_out_ends_it(office: Office, browser: Browser) -> None:
    context = browser.new_context()
    desk = DeskPage(context.new_page(), office.pages.url)
    desk.sign_in("clm_wrong")
    expect(desk.page.locator(".error")).to_contain_text("Unknown token")
    desk.sign_in(office.tokens["ada"])
    desk.await_words(".empty", "The queue is empty")
    desk.page.reload()
    desk.await_words(".empty", "The queue is empty")
    assert SESSION_COOKIE not in desk.page.evaluate("document.cookie")
    desk.page.get_by_role("link", name="ada").click()
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.get_by_label("Your token")).to_be_visible()
    assert not [cookie for cookie in context.cookies() if cookie.get("name") == SESSION_COOKIE]
    context.close()


def test_pages_by_role(office: Office, sit_down: SitDown) -> None:
    shown = {}
    for person in ("ada", "olga"):
        page = sit_down(person).page
        expect(page.get_by_role("link", name=person)).to_be_visible()
        shown[person] = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert "Desk" in shown["ada"][0]
    assert not any("Review" in text for text in shown["ada"])
    assert any("Review" in text for text in shown["olga"])


def test_a_service_that_is_away_is_said_and_waited_for(office: Office, sit_down: SitDown) -> None:
    office.service.stop()
    page = sit_down("ada").page
    expect(page.get_by_role("heading", name="The service is unavailable")).to_be_visible()
    office.service.start()
    expect(page.locator(".empty")).to_contain_text("The queue is empty")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "me", {}, 401),
        ("GET", "people", {}, 404),
        ("POST", "people", {"X-CoachLM": "desk"}, 404),
        ("GET", "queue/../people", {}, 404),
        ("POST", "queue/claim", {}, 403),
        ("POST", "queue/claim", {"X-CoachLM": "desk", "Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "me", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "ratings", {}, 401),
        ("GET", "studies", {}, 404),
        ("GET", "ratings/spring/0", {}, 404),
        ("GET", "ratings/spring/1/more", {}, 404),
        ("PUT", "ratings/spring/1", {}, 403),
        ("PUT", "ratings/spring/1", {"X-CoachLM": "desk"}, 401),
        ("POST", "queue/claim", {"X-CoachLM": "desk"}, 401),
    ],
)
def test_the_gateway_lets_through_what_a_desk_needs_from_our_own_page(
    office: Office, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, f"{office.pages.url}/coachlm/api/{path}", headers=headers, trust_env=False)
    assert answer.status_code == status


def test_every_answer_forbids_what_is_not_ours(office: Office) -> None:
    for path in ("/", f"{assets_path()}/editor/main.js", "/coachlm/api/me"):
        policy = httpx.get(office.pages.url + path, trust_env=False).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/", "editor/main.js"),
        ("/desk", "session/main.js"),
        ("/review", "shared/field.js"),
        ("/review", "review/work.js"),
        ("/ratings", "rating/card.js"),
        ("/ratings", "shared/drafts.js"),
        ("/people", "table/main.js"),
        ("/adapters", "table/main.js"),
        ("/studies", "shared/dom.js"),
        ("/overview", "/static/js/Html."),
    ],
)
def test_a_page_names_its_modules_ahead(office: Office, path: str, named: str) -> None:
    """They are there, as scripts, and the browser may keep them."""
    page = httpx.get(office.pages.url + path, headers={"Accept": "text/html"}, trust_env=False)
    addresses = [link.partition(">")[0].strip(" <.") for link in page.headers["link"].split(",")]
    assert [address for address in addresses if named in address]
    for address in addresses:
        answer = httpx.get(office.pages.url + address, trust_env=False)
        assert answer.is_success
        assert "javascript" in answer.headers["content-type"]
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(("person", "path"), [("ada", "desk"), ("oscar", "overview"), ("olga", "people")])
def test_a_page_asks_for_nothing_that_is_not_there(office: Office, sit_down: SitDown, person: str, path: str) -> None:
    """Streamlit by itself looks for its server below the page's address first, and waits when it isn't there."""
    tab = sit_down(person, path="/account")
    refused: list[str] = []
    tab.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    tab.page.goto(f"{office.pages.url}/{path}")
    expect(tab.page.get_by_role("link", name=person)).to_be_visible()
    assert refused == []
