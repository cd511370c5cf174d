"""A tab of the pages in a browser, as a person uses it: the desk by keyboard, the other pages one act at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LATENCY_MS = float(os.environ.get("COACHLM_TEST_LATENCY_MS", "0"))
_FETCHED = """([path, times]) => {
  const answers = performance.getEntriesByType("resource");
  return answers.filter(({ name }) => new URL(name).pathname.endsWith(path)).length >= times;
}"""
_DRAWN = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class DeskPage:
    """A tab. `errors` are uncaught errors of its scripts; `runs` counts how often it asked for a run of the page."""

    def __init__(self, page: Page, url: str, patience_ms: float = 60_000) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.runs = 0
        self._socket: WebSocket | None = None
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._connected)
        page.set_default_timeout(patience_ms)
        if LATENCY_MS:
            self._slow_down()
        page.goto(url)

    def _slow_down(self) -> None:
        """As on a slow line and a busy machine; holds for as long as the session lives."""
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.send("Network.enable")
        line = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1}
        self._session.send("Network.emulateNetworkConditions", line)
        self._session.send("Emulation.setCPUThrottlingRate", {"rate": 3})

    @contextmanager
    def redrawn(self) -> Iterator[None]:
        """Goes on when Streamlit has run the page's script for what is done inside, and the browser shows the result:
        what is clicked while a page is being redrawn may go to an element that is about to vanish."""
        self.settle()
        assert self._socket is not None
        with self._socket.expect_event("framereceived", _says_drawn, timeout=60_000):
            yield
        self.settle()

    def settle(self) -> None:
        """Waits while the page is being drawn."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")

    def _connected(self, socket: WebSocket) -> None:
        self._socket = socket
        socket.on("framesent", self._sent)

    def _sent(self, frame: bytes | str) -> None:
        self.runs += isinstance(frame, bytes) and BackMsg.FromString(frame).WhichOneof("type") == "rerun_script"

    def sign_in(self, token: str) -> None:
        self.page.get_by_label("Your token").fill(token)
        self.press("Enter")

    def sign_in_again(self, token: str) -> None:
        """In the dialogue over what is being written; goes on when it has closed: until then it has the keyboard."""
        self.press("Alt+KeyL")
        dialog = self.page.get_by_role("dialog", name="Sign in again")
        dialog.get_by_label("Your token").fill(token)
        self.press("Enter")
        expect(dialog).to_be_hidden()

    def area(self, field: str) -> Locator:
        return self.page.locator(f"textarea[data-field={field}]")

    def text(self, field: str = "instruction") -> str:
        return self.area(field).input_value()

    def await_item(self, instruction: str | None = None) -> str:
        """The instruction that is shown, once an item is there (and is the one given)."""
        expect(self.area("response")).to_be_visible()
        if instruction is not None:
            expect(self.area("instruction")).to_have_value(instruction)
        return self.text()

    def await_fetched(self, path: str, times: int = 1) -> None:
        """The service has answered so often at this path: a second time, when the next item is fetched ahead."""
        self.page.wait_for_function(_FETCHED, arg=[f"/coachlm/api/{path}", times])

    def press(self, keys: str) -> None:
        """What hands an item in waits until the item counts as read."""
        if keys in ("Control+Enter", "Control+KeyB"):
            expect(self.page.locator(".desk-inner[data-fresh]")).to_have_count(0)
        self.page.keyboard.press(keys)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def edit_response(self, addition: str) -> None:
        self.press("Alt+Digit3")
        self.press("Control+End")
        self.type(addition)

    def await_saved(self) -> None:
        self.await_words(".state", "draft saved")

    def await_words(self, selector: str, words: str) -> None:
        expect(self.page.locator(selector).first).to_contain_text(words)

    def tile(self, name: str) -> Locator:
        """The figure of this name, with its formula and its note."""
        return self.page.locator(".coachlm-figures > div").filter(has=self.page.get_by_text(name, exact=True))

    def figure(self, name: str) -> str:
        """The number alone."""
        return self.tile(name).locator("b").inner_text().strip()

    def downloaded(self, name: str) -> str:
        """The table of this name as CSV, got without another run of the page."""
        self.settle()
        runs = self.runs
        with self.page.expect_download() as download:
            self.page.locator(f".st-key-csv-{name} button").click()
        assert self.runs == runs
        return Path(download.value.path()).read_text(encoding="utf-8")

    def choose(self, box: str, option: str) -> None:
        """In a selection box; the page has followed."""
        with self.redrawn():
            self.page.get_by_role("combobox", name=box).click()
            self.page.get_by_role("option", name=option, exact=True).click()

    def click(self, button: str) -> None:
        """The page has followed."""
        with self.redrawn():
            self.page.get_by_role("button", name=button).click()

    def seen(self) -> str:
        """What the tab shows, in words."""
        return "" if self.page.is_closed() else self.page.locator("body").aria_snapshot()[:4000]

    def submit_and_await_next(self) -> str:
        """Accepts by keyboard; gives the instruction of the item that follows."""
        before = self.text()
        self.press("Control+Enter")
        expect(self.area("instruction")).not_to_have_value(before)
        return self.text()


def _says_drawn(frame: bytes | str) -> bool:
    """A script that asks for another run, or stops with an error, has drawn nothing yet."""
    message = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
    return message.WhichOneof("type") == "script_finished" and message.script_finished in _DRAWN
