"""Hostile text on every page, shown as text: HTML, Markdown, escape codes, formulas, bidi overrides, endless lines."""

from collections.abc import Callable
from time import time

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from coachlm.pairs import ExcludeReason, InstructionPair
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.tables.pairs import PersonRow
from storage.tables.rollups import StageRollupRow
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office, claimed, wait_for

SitDown = Callable[..., DeskPage]
HOSTILE = samples.HOSTILE.response
_MARKUP = "img[src='x'], iframe, a[href^='javascript'], .stMain script, .stMain img[src*='tracker']"
_NAME = "=cmd|' /C calc'!A0 <script>window.stolen=5</script>\u202eada"


@pytest.mark.parametrize("is_preview", [False, True])
def test_the_desk(office: Office, sit_down: SitDown, is_preview: bool) -> None:
    instruction = f"{samples.HOSTILE.instruction} {is_preview}"
    office.queue(samples.simple(InstructionPair(instruction, samples.HOSTILE.input, HOSTILE)))
    desk = sit_down("ada")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    desk.page.route(lambda url: not url.startswith(office.pages.url), note)
    desk.await_item(instruction)
    if is_preview:
        desk.press("Alt+KeyP")
        preview = desk.page.locator(".preview").last
        for text in (
            "<b>not bold</b>",
            "[image: pixel] (https://tracker.example/p.png)",
            "javascript:window.stolen=3",
            "<iframe",
            "=HYPERLINK(",
        ):
            expect(preview).to_contain_text(text)
    shown = desk.page.locator("section[data-name=input]")
    for code in ("U+001B", "U+202E", "U+0007"):
        expect(shown.locator(".hidden-char", has_text=code).first).to_be_visible()
    inside = desk.page.locator(".desk").evaluate("desk => desk.querySelectorAll('img, script, iframe, a, b.x').length")
    assert inside == 0
    assert desk.page.evaluate("window.stolen") is None
    assert asked == []


def test_a_line_of_a_megabyte_on_the_desk(office: Office, sit_down: SitDown) -> None:
    raw = InstructionPair("Repeat a.", "", "a" * 1_000_000)
    pair_id, *_ = office.queue(samples.simple(raw))
    desk = sit_down("ada")
    desk.await_item(raw.instruction)
    desk.press("Alt+Digit1")
    desk.press("Control+End")
    desk.type(" Twice")
    desk.press("Control+Enter")
    desk.await_words(".empty", "The queue is empty")
    wait_for(lambda: office.pair(pair_id).status == "post_edited")
    final = office.pair(pair_id).final
    assert final is not None
    assert (final.instruction, final.response) == ("Repeat a. Twice", raw.response)


def test_review_and_exclusions(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.queue(samples.simple(samples.HOSTILE))
    with office.client("ada") as ada:
        item = claimed(ada.desk.claim())
        long = InstructionPair(samples.HOSTILE.instruction, samples.HOSTILE.input, f"{HOSTILE}\n{samples.A_LINE}")
        ada.desk.submit(item, long, key=item.token, comment=f"# {HOSTILE} :red[x] $y$")
    tab = sit_down("olga", path="/review")
    tab.await_item(samples.HOSTILE.instruction)
    page, shown = tab.page, tab.page.locator(".coachlm-text")
    left = page.locator("section .left")
    expect(left.first).to_contain_text('<img src=x onerror="window.stolen=1"><script>')
    for code in ("U+001B", "U+202E", "U+0007"):
        expect(left.nth(1).locator(".hidden-char", has_text=code).first).to_be_visible()
    for text in ("![pixel](https://tracker.example/p.png)", "[click](javascript:", "=HYPERLINK("):
        expect(left.nth(2)).to_contain_text(text)
    expect(page.get_by_text("too long to be compared")).to_be_visible()
    expect(page.locator(".said")).to_contain_text("The annotator says: # <b>not bold</b> ![pixel]")
    inside = page.locator(".desk").evaluate("desk => desk.querySelectorAll('img, script, iframe, a').length")
    assert inside == 0
    assert_harmless(page)
    with office.client("olga") as olga:
        (waiting,) = olga.reviews.waiting()
        olga.desk.exclude(pair_id, waiting.version, ExcludeReason.MULTI_MODAL, f"## {HOSTILE}")
    page.goto(f"{office.pages.url}/exclusions")
    tab.choose("Reason", ExcludeReason.MULTI_MODAL.value.replace("_", " "))
    expect(page.get_by_text("Show <img src=x onerror=").first).to_be_visible()
    page.locator("summary").first.click()
    expect(page.get_by_text("## <b>not bold</b>")).to_be_visible()
    expect(shown.nth(1)).to_contain_text("⟨U+202E⟩txt.exe")
    assert_harmless(page)


def _hire_under_a_hostile_name(office: Office) -> None:
    """As a database of an earlier version may hold it: new people get no such name."""
    office.hire("renamed")
    with office.database.writing() as connection:
        connection.execute(update(PersonRow).where(PersonRow.name == "renamed").values(name=_NAME))
    office.tokens[_NAME] = office.tokens.pop("renamed")


def test_names_of_people(office: Office, sit_down: SitDown) -> None:
    _hire_under_a_hostile_name(office)
    office.queue(*samples.fresh(1))
    with office.client(_NAME) as stranger:
        item = claimed(stranger.desk.claim())
        stranger.desk.heartbeat(item.token)  # a moment of work, so that there is a learning curve
        stranger.desk.submit(item, item.text, key=item.token)
    tab = sit_down("oscar", path="/people")
    expect(tab.page.get_by_text("Learning curves")).to_be_visible()
    assert "\n\"'=cmd|' /C calc'!A0 <script>" in tab.downloaded("people")
    assert ",\"'=cmd|" in tab.downloaded("learning")
    assert_harmless(tab.page)
    tab = sit_down(_NAME, path="/account")
    expect(tab.page.get_by_text("<script>window.stolen=5</script>").first).to_be_visible()
    assert_harmless(tab.page)


def test_what_is_said_of_adapters(office: Office, sit_down: SitDown) -> None:
    registry = DatabaseAdapterRegistry(office.database)
    reason = f"# {HOSTILE} {samples.A_LINE}"
    digest = samples.adapter(registry, "c", base=f"[base](javascript:1) {HOSTILE}", reason=reason, figure=HOSTILE)
    registry.promote(digest, "adam", f"# {HOSTILE}")
    tab = sit_down("oscar", path="/adapters")
    expect(tab.page.get_by_text("The gate passed it: # <b>not bold</b>")).to_be_visible()
    tab.page.get_by_text("History").click()
    expect(tab.page.get_by_text("by adam # <b>not bold</b> ![pixel]")).to_be_visible()
    assert "<b>not bold</b>" in tab.downloaded(f"gate-{digest[:12]}")
    assert_harmless(tab.page)


def test_reasons_that_stages_count(office: Office, sit_down: SitDown) -> None:
    formula = "=HYPERLINK(\"http://tracker.example\") <img src=x onerror='window.stolen=6'> ![p](/p.png)"
    _count(office, "excluded", reason=formula)
    _count(office, "revised", adapter=formula)
    tab = sit_down("oscar", path="/overview")
    expect(tab.page.get_by_role("button", name="CSV", exact=True)).to_have_count(4)  # all is drawn
    assert "'=HYPERLINK" in tab.downloaded("excluded")
    assert "'=HYPERLINK" in tab.downloaded("adapters")
    assert_harmless(tab.page)


def _count(office: Office, stage: str, *, reason: str = "", adapter: str = "") -> None:
    """A row of this hour's sums."""
    row = {"hour": int(time() // 3600), "stage": stage, "reason": reason, "engine": "", "adapter": adapter}
    with office.database.writing() as connection:
        connection.execute(StageRollupRow.__table__.insert().values(**row, pairs=3, tokens=0, work_ms=0))  # pyright: ignore


def assert_harmless(page: Page) -> None:
    """Nothing of the text became an element, and no script of it ran."""
    assert page.locator(_MARKUP).count() == 0
    assert page.evaluate("window.stolen") is None
