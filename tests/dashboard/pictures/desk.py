"""Takes the pictures of the desk for the documentation: `python -m tests.dashboard.pictures docs/images`."""

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from coachlm.pairs import InstructionPair
from dashboard.server.gateway import SESSION_COOKIE
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office

_SIZE = {"width": 1280, "height": 720}
_COLOURS = 128


def main(folder: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            with tempfile.TemporaryDirectory() as home, Office(Path(home)) as office:
                _take_all(office, browser, scheme, folder)
        browser.close()


def _take_all(office: Office, browser: Browser, scheme: str, folder: Path) -> None:
    context = browser.new_context(viewport=_SIZE, color_scheme=scheme)  # pyright: ignore
    keep = _Keeper(folder, scheme)
    desk = DeskPage(context.new_page(), office.pages.url)
    expect(desk.page.get_by_label("Your token")).to_be_visible()
    keep.picture(desk, "login")
    cookie = {"name": SESSION_COOKIE, "value": office.tokens["ada"], "url": office.pages.url}
    context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Strict"}])  # pyright: ignore
    desk.page.goto(office.pages.url)
    desk.await_words(".empty", "The queue is empty")
    keep.picture(desk, "empty")
    for name, (raw, revised) in _TEXTS.items():
        office.queue(samples.tea() if name == "desk" else samples.simple(raw, revised))
        desk.await_item(revised.instruction)
        if name == "desk":
            desk.press("Alt+KeyN")
        if name == "conflict":
            _lose(office, desk)
        keep.picture(desk, name)
        if name == "conflict":
            desk.page.get_by_role("button", name="Continue").click()
            break
        desk.press("Control+Enter")
        desk.await_words(".empty", "The queue is empty")
    desk.press("?")
    keep.picture(desk, "keys")
    desk.press("Escape")
    office.service.stop()
    desk.await_words(".notice", "can't be reached")
    keep.picture(desk, "away")
    office.service.start()
    context.close()


_TEXTS = {
    "desk": (samples.TEA, samples.TEA_REVISED),
    "long": (samples.LONG, samples.LONG_REVISED),
    "rtl": (samples.ARABIC, samples.ARABIC_REVISED),
    "cjk": (samples.CHINESE, samples.CHINESE_REVISED),
    "hostile": (samples.HOSTILE, samples.HOSTILE),
    "conflict": (
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


class _Keeper:
    def __init__(self, folder: Path, scheme: str) -> None:
        self._folder, self._scheme = folder, scheme

    def picture(self, desk: DeskPage, name: str) -> None:
        desk.page.wait_for_timeout(700)
        path = self._folder / f"{name if name == 'desk' else f'desk-{name}'}-{self._scheme}.png"
        desk.page.screenshot(path=path)
        Image.open(path).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
