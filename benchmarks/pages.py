"""How soon the pages show something, and the desk its next item, in a real browser, with many pairs in PostgreSQL.

`first_content_ms`: from the start of the navigation, in a browser profile without any cache, to the first item's text
or figure; `drawn_ms`: to the last chart; `next_item_ms`: from Ctrl+Enter to the next item's text. All are medians,
measured inside the page frame by frame.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from api.access.tokens import draw_token
from benchmarks.queue.run import postgres
from coachlm.desk.work import PersonRole
from dashboard.server.gateway import SESSION_COOKIE
from devtools.seeding import Mix, seed
from devtools.servers.process import ServerProcess, free_ports
from storage.engine.database import open_database
from storage.people.accounts import Accounts

_DESK = "textarea[data-field=instruction]"
_CONTENT = {  # page → who looks at it, what is there once it shows a text or a figure
    "review": ("owner-qa", "textarea[data-field=response]"),
    "exclusions": ("owner-qa", ".coachlm-folded"),
    "overview": ("operator", ".coachlm-figures dd"),
    "people": ("owner-qa", ".coachlm-figures dd"),
    "adapters": ("operator", "[data-testid=stText]"),
}
_PAUSE_MS = 500  # between two submits; a person takes longer
_WATCH = """
window.deep = (selector, root = document) => {
  const hit = root.querySelector(selector);
  if (hit) return hit;
  for (const element of root.querySelectorAll("*")) {
    const found = element.shadowRoot && window.deep(selector, element.shadowRoot);
    if (found) return found;
  }
  return null;
};
window.until = (test) => new Promise((done) => {
  const look = () => (test() ? done(performance.now()) : requestAnimationFrame(look));
  look();
});
window.isDrawn = () =>
  document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning" &&
  [...document.querySelectorAll("[data-testid=stVegaLiteChart]")].every((chart) => chart.querySelector("svg, canvas"));
window.watchSubmit = (selector) => {
  const before = window.deep(selector).value;
  window.took = null;
  window.addEventListener("keydown", (event) => {
    const start = event.timeStamp;
    window.until(() => ![before, ""].includes(window.deep(selector)?.value)).then((end) => (window.took = end - start));
  }, { capture: true, once: true });
};
"""


@dataclass(frozen=True, slots=True)
class Running:
    """The pages, and a token for everybody who looks at them."""

    url: str
    tokens: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 pairs instead of a million; a minute")
    parser.add_argument("--pairs", type=int, help="how many instead")
    options = parser.parse_args()
    pairs = options.pairs or (10_000 if options.quick else 1_000_000)
    with running(pairs) as pages, chromium() as browser:
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        figures = measure(browser, pages, loads=5 if options.quick else 9, submits=30 if options.quick else 60)
    print(f"load after: {os.getloadavg()[0]:.1f}")
    print(json.dumps({"pairs": pairs, **figures}))


def measure(browser: Browser, pages: Running, loads: int, submits: int) -> dict[str, float]:
    is_filled = f"window.deep('{_DESK}')?.value"
    first = [first_content(browser, pages, "annotator-000", "/", is_filled)[0] for _ in range(loads)]
    print(f"desk, first item: {_spread(first)}", flush=True)
    following = next_items(browser, pages, submits)
    print(f"desk, next item: {_spread(following)}", flush=True)
    figures = {"first_content_ms": statistics.median(first), "next_item_ms": statistics.median(following)}
    for page, (person, selector) in _CONTENT.items():
        shown = f"window.deep('{selector}')"
        times = [first_content(browser, pages, person, f"/{page}", shown) for _ in range(max(3, loads // 2))]
        content, drawn = ([one[place] for one in times] for place in (0, 1))
        print(f"{page}: {_spread(content)}; all of it: {_spread(drawn)}", flush=True)
        figures |= {f"{page}_content_ms": statistics.median(content), f"{page}_drawn_ms": statistics.median(drawn)}
    return {name: round(value, 1) for name, value in figures.items()}


def first_content(browser: Browser, pages: Running, person: str, path: str, shown: str) -> tuple[float, float]:
    """When it was shown, and when everything was drawn."""
    context = profile(browser, pages, person)
    page = context.new_page()
    page.goto(pages.url + path, wait_until="commit")
    taken: float = page.evaluate(f"window.until(() => {shown})")
    drawn: float = page.evaluate("window.until(window.isDrawn)")
    context.close()
    return taken, drawn


def next_items(browser: Browser, pages: Running, submits: int) -> list[float]:
    context = profile(browser, pages, "annotator-001")
    page = context.new_page()
    page.goto(pages.url)
    page.locator(_DESK).wait_for()
    taken: list[float] = []
    for _ in range(submits):
        page.wait_for_timeout(_PAUSE_MS)
        page.evaluate(f"window.watchSubmit('{_DESK}')")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("window.took")
        taken.append(page.evaluate("window.took"))
    context.close()
    return taken


def profile(browser: Browser, pages: Running, person: str) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    context.add_init_script(_WATCH)
    context.add_cookies([{"name": SESSION_COOKIE, "value": pages.tokens[person], "url": pages.url}])
    return context


@contextmanager
def chromium() -> Iterator[Browser]:
    found = os.environ.get("COACHLM_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("there is no Chromium; scripts/need-chromium installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def running(pairs: int) -> Iterator[Running]:
    """PostgreSQL with so many pairs, of every status; the service and the pages as `coachlm` starts them."""
    with postgres() as server, tempfile.TemporaryDirectory() as name:
        url, folder = server.new_database(), Path(name)
        tokens = filled(url, pairs)
        port, pages_port = free_ports(2)
        api = f"http://127.0.0.1:{port}"
        serve = started("serve", "--port", str(port), "--db", url, health=f"{api}/healthz", folder=folder)
        pages_url = f"http://127.0.0.1:{pages_port}"
        dashboard = started(
            "dashboard",
            "--port",
            str(pages_port),
            "--api-url",
            api,
            health=f"{pages_url}/_stcore/health",
            folder=folder,
        )
        try:
            yield Running(pages_url, tokens)
        finally:
            dashboard.end(Signals.SIGTERM)
            serve.end(Signals.SIGTERM)


def filled(url: str, pairs: int) -> dict[str, str]:
    """Gives everybody's token."""
    start, tenth = time.perf_counter(), pairs // 10
    database = open_database(url)
    seed(database, Mix(queued=pairs - 5 * tenth, accepted=tenth, excluded=tenth, post_edited=tenth, approved=2 * tenth))
    accounts, tokens = Accounts(database), {}
    accounts.add("operator", PersonRole.OPERATOR)
    for person in ("annotator-000", "annotator-001", "owner-qa", "operator"):
        drawn = draw_token()
        accounts.set_token(person, drawn.id, drawn.hash)
        tokens[person] = drawn.text
    database.close()
    print(f"{pairs:,} pairs put in within {time.perf_counter() - start:.0f} s", flush=True)
    return tokens


def started(*arguments: str, health: str, folder: Path) -> ServerProcess:
    command = [sys.executable, "-m", "coachlm", *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "COACHLM_API_REQUESTS_PER_SECOND": "1000"}
    process = ServerProcess(command, folder / f"{arguments[0]}.log", environment=environment)
    process.await_ready(answering(health), 120)
    return process


def answering(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return httpx.get(url, trust_env=False, timeout=2).is_success
        except httpx.TransportError:
            return False

    return answers


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f}, of {len(times)}"


if __name__ == "__main__":
    main()
