"""All pages but the desk, filled with a month of work."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from coachlm.coaching.adapters import AdapterRecord
from coachlm.desk.ratings import Rating
from devtools.seeding import Mix, seed
from storage.adapters.adapters import DatabaseAdapterRegistry
from tests.dashboard import samples
from tests.dashboard.pictures.album import SCHEMES, Album, opened_context, sign_in
from tests.dashboard.servers import Office

_HEIGHT = 800
_SETTLE_MS = 2500  # charts draw themselves in steps
_PAGES = {  # what is there once the page shows all
    "review": ("olga", "textarea[data-field=response]"),
    "exclusions": ("olga", ".coachlm-folded >> nth=5"),
    "overview": ("oscar", "[data-testid=stVegaLiteChart] >> nth=3"),
    "people": ("oscar", "[data-testid=stVegaLiteChart] >> nth=0"),
    "adapters": ("oscar", "[data-testid=stVegaLiteChart]"),
    "ratings": ("cleo", ".rating [data-field=response] >> text=Water"),
    "studies": ("oscar", ".frame table >> nth=1"),
}


def take_pages(browser: Browser, album: Album) -> None:
    wanted = [(scheme, name) for scheme in SCHEMES for name in _PAGES if album.needs(name, scheme)]
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as home, Office(Path(home)) as office:
        _fill(office)
        for scheme, name in wanted:
            person, selector = _PAGES[name]
            with _opened(browser, office, scheme, person, name) as page:
                expect(page.locator(selector)).to_be_visible()
                assert not page.get_by_text("The service is unavailable").count(), f"{name}: a call took too long"
                album.keep(page, name, scheme, _SETTLE_MS)


def _fill(office: Office) -> None:
    office.queue(samples.tea(), *(samples.plain(number) for number in range(5)))
    with office.client("ada") as ada:
        while (item := ada.desk.claim()) is not None:
            ada.desk.submit(
                item,
                replace(item.text, response=f"{item.text.response} Ask for more."),
                key=item.token,
                comment="Is the quotation right?" if item.raw.pair() == samples.TEA else "",
            )
    mix = Mix(queued=400, accepted=30, excluded=60, returned=6, approved=3000)
    seed(office.database, mix, annotators=9, days=20, now=datetime.now(UTC) - timedelta(minutes=20))
    _rate(office)
    registry, draw = DatabaseAdapterRegistry(office.database), random.Random(7)
    for number in range(3):
        record = AdapterRecord(
            f"{draw.getrandbits(256):064x}",
            "a-base-model",
            "0" * 64,
            f"file:///adapters/{number}",
            training={"examples": 812 + 90 * number, "seconds": 640.0, "selection": {"alpha": 0.3}},
        )
        registry.register(record, "refresh")
        figures = [_figure(draw, name) for name in _FIGURES]
        report = {
            "reason": "better on words left to touch a pair, nothing else worse",
            "passed": True,
            "figures": figures,
            "pairs": 240,
            "against": "raw",
        }
        registry.record_gate(record.digest, report, passed=True)
        if number < 2:
            registry.promote(record.digest, "oscar", "better on the held-out pairs")


def _rate(office: Office) -> None:
    """All but one text by Cleo: the tea as the coach wrote it."""
    pairs = [samples.tea(), *(samples.plain(number) for number in range(40, 59))]
    sources = {
        "original": [raw for raw, _, _ in pairs],
        "coach": [revision.revised for _, revision, _ in pairs],
    }
    for name in ("cleo", "dana"):  # who have met none of these pairs
        office.hire(name)
    with office.client("oscar") as oscar:
        oscar.studies.make("spring-2027", sources, raters=["ben", "cleo", "dana"], count=len(pairs))
    draw = random.Random(1)
    for name, bias in (("ben", -3), ("cleo", 0), ("dana", 2)):
        with office.client(name) as rater:
            for place in range(1, 2 * len(pairs) + 1):
                task = rater.ratings.task("spring-2027", place)
                if name == "cleo" and task.text.pair() == samples.TEA_REVISED:
                    continue
                is_good = task.text.instruction[:1].isupper()
                response = draw.gauss(84 if is_good else 68, 6) + bias
                rater.ratings.rate(task, Rating(92 if is_good else 78, round(response)), key=f"{name}-{place}")


_FIGURES = {
    "words_left": 9.6,
    "nll": 1.3,
    "invalid_share": 0.02,
    "guarded_share": 0.02,
    "flagged_share": 0.02,
    "over_expanded_share": 0.02,
    "edit_distance_left": 41.0,
}
"""What the gate measures, with what the reference might get."""


def _figure(draw: random.Random, name: str) -> dict[str, object]:
    reference = _FIGURES[name]
    change = -0.1 * reference * draw.uniform(0.9, 2)
    width = 0.08 * reference
    return {
        "name": name,
        "reference": reference,
        "candidate": reference + change,
        "low": change - width,
        "high": change + width,
        "margin": width,
        "holds": True,
    }


@contextmanager
def _opened(browser: Browser, office: Office, scheme: str, person: str, name: str) -> Iterator[Page]:
    context = opened_context(browser, scheme, _HEIGHT)
    sign_in(context, office, person)
    page = context.new_page()
    is_first = name == "overview"  # of the operator's: its own entry of the navigation is at `/`
    page.goto(f"{office.pages.url}/{'' if is_first else name}")
    if is_first:
        page.get_by_role("radio", name="7 days").click()
        page.mouse.move(0, 0)
    yield page
    context.close()
