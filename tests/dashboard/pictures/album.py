"""The folder of pictures: only those that a page of the documentation shows are kept."""

import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dashboard.profiles import session_cookie
from tests.dashboard.servers import Office
from tests.docs.pictures import shown_pictures

SCHEMES = ("light", "dark")
PATIENCE_MS = 600_000  # with a machine that does ten other things
_COLOURS = 256


class Album:
    """Pictures in `folder`, under names that end in their colour scheme."""

    def __init__(self, folder: Path, only: Collection[str] = ()) -> None:
        """`only`: the names to take again; none: all."""
        self._folder = folder
        self._only = only
        self._shown = shown_pictures()

    def needs(self, name: str, scheme: str) -> bool:
        return _file(name, scheme) in self._shown and (not self._only or name in self._only)

    def keep(self, page: Page, name: str, scheme: str, settle_ms: int = 700) -> None:
        """The page when nothing moves any more, unless nobody needs its picture."""
        if not self.needs(name, scheme):
            return
        page.wait_for_timeout(settle_ms)
        path = self._folder / _file(name, scheme)
        page.screenshot(path=path)
        Image.open(path).convert("RGB").quantize(_COLOURS).save(path, optimize=True)
        print(path, flush=True)


def check_fonts() -> None:
    """Raises: SystemExit, where Chinese would be a row of boxes."""
    if not subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=True).stdout:
        raise SystemExit("no font has Chinese characters; install one (Debian: apt-get install fonts-wqy-microhei)")


@contextmanager
def opened_browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened_context(browser: Browser, scheme: str, height: int) -> BrowserContext:
    """A profile of its own, in light or dark."""
    size = {"width": 1280, "height": height}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # pyright: ignore
    context.set_default_timeout(PATIENCE_MS)
    return context


def sign_in(context: BrowserContext, office: Office, person: str) -> None:
    context.add_cookies([session_cookie(office.tokens[person], office.pages.url)])


def _file(name: str, scheme: str) -> str:
    return f"{name}-{scheme}.png"
