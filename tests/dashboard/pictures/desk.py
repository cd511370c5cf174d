"""The desk in all its states: right to left, long, in conflict, without its service."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from coachlm.pairs import InstructionPair
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.pictures.album import PATIENCE_MS, SCHEMES, Album, opened_context, sign_in
from tests.dashboard.servers import Office

_HEIGHT = 720


def take_desk(browser: Browser, album: Album) -> None:
    for scheme in SCHEMES:
        if not any(album.needs(name, scheme) for name in ("desk-login", *_TEXTS, "desk-away")):
            continue
        with tempfile.TemporaryDirectory() as home, Office(Path(home)) as office:
            _take_all(office, browser, scheme, album)


def _take_all(office: Office, browser: Browser, scheme: str, album: Album) -> None:
    context = opened_context(browser, scheme, _HEIGHT)
    desk = DeskPage(context.new_page(), office.pages.url, PATIENCE_MS)
    expect(desk.page.get_by_label("Your token")).to_be_visible()
    album.keep(desk.page, "desk-login", scheme)
    sign_in(context, office, "ada")
    desk.page.goto(office.pages.url)
    desk.await_words(".empty", "The queue is empty")
    for name, (raw, revised) in _TEXTS.items():
        office.queue(samples.tea() if name == "desk" else samples.simple(raw, revised))
        desk.await_item(revised.instruction)
        if name == "desk":
            desk.press("Alt+KeyN")
        if name == "desk-conflict":
            _lose(office, desk)
        album.keep(desk.page, name, scheme)
        if name == "desk-conflict":
            desk.page.get_by_role("button", name="Continue").click()
            break
        desk.press("Control+Enter")
        desk.await_words(".empty", "The queue is empty")
    office.service.stop()
    desk.await_words(".notice", "can't be reached")
    album.keep(desk.page, "desk-away", scheme)
    office.service.start()
    context.close()


_TEXTS = {
    "desk": (samples.TEA, samples.TEA_REVISED),
    "desk-long": (samples.LONG, samples.LONG_REVISED),
    "desk-rtl": (samples.ARABIC, samples.ARABIC_REVISED),
    "desk-cjk": (samples.CHINESE, samples.CHINESE_REVISED),
    "desk-conflict": (
        InstructionPair("name the longest river of our country", "", "it is the blue river."),
        InstructionPair("Name the longest river of our country.", "", "It is the Blue River."),
    ),
}


def _lose(office: Office, desk: DeskPage) -> None:
    desk.edit_response(" It flows for 412 km.")
    desk.await_saved()
    office.expire_leases()
    with office.client("ben") as client:
        item = client.desk.claim()
        assert item is not None
        final = InstructionPair(item.text.instruction, "", "The Blue River is the longest one.")
        client.desk.submit(item, final, key="ben-1")
    desk.edit_response(" Or 413.")
    expect(desk.page.locator("dialog .version").nth(1)).to_contain_text("longest one")
