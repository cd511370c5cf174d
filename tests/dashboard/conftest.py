"""One service, one server of pages and one browser for all tests of the pages; each test starts with an empty queue."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Browser, expect, sync_playwright

from tests.dashboard.desk_page import LATENCY_MS, DeskPage
from tests.dashboard.profiles import Profiles
from tests.dashboard.servers import Office

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "office" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A browser test that failed is run once more: on a machine that is busy for minutes, a wait may end too early."""
    if item.get_closest_marker("browser") is None or LATENCY_MS:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(report.failed for report in reports):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("COACHLM_TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium; scripts/need-chromium installs it")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Of one module: while Playwright is up, its event loop counts as running in this thread, and `asyncio.run`,
    which other tests call, is refused."""
    with sync_playwright() as playwright:
        # Without its own sandbox it also runs as root in a container; all it opens is ours.
        expect.set_options(timeout=60_000)  # no page takes so long, but a machine that does ten other things
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def running_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("office")
    with Office(folder) as office:
        yield office


@pytest.fixture
def office(running_office: Office) -> Iterator[Office]:
    running_office.clear()
    yield running_office
    running_office.service.ensure()


@pytest.fixture(scope="module")
def profiles(browser: Browser) -> Iterator[Profiles]:
    """Of one module, since a browser that knows the pages' scripts opens them in a third of the time."""
    found = Profiles(browser)
    yield found
    found.close()


@pytest.fixture
def sit_down(profiles: Profiles, office: Office) -> Iterator[Callable[..., DeskPage]]:
    """Opens the pages, signed in; `tab_of` opens a second tab of a person, others have a profile of their own."""
    tabs: list[DeskPage] = []

    def open_page(person: str = "ada", *, tab_of: DeskPage | None = None, path: str = "/") -> DeskPage:
        address = office.pages.url
        page = tab_of.page.context.new_page() if tab_of else profiles.open(person, office.tokens[person], address)
        tabs.append(DeskPage(page, address + path))
        return tabs[-1]

    yield open_page
    for tab in tabs:
        print(tab.seen())  # pytest shows it for a test that failed
        for page in tab.page.context.pages:
            page.close()
    assert not [error for tab in tabs for error in tab.errors]
