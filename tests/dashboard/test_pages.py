"""The pages of owners, operators and people in a real browser: what they do, and hostile text shown as text on each."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import time

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from api.models import Item
from coachlm.adapters import AdapterRecord, AdapterState
from coachlm.pairs import ExcludeReason, InstructionPair
from coachlm.status import Status
from storage.adapters import DatabaseAdapterRegistry
from storage.rollup_tables import StageRollupRow
from storage.work_tables import ReviewItemRow
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office, wait_for

SitDown = Callable[..., DeskPage]
_numbers = count(50_000)
_MARKUP = "img[src='x'], iframe, a[href^='javascript'], .stMain script, .stMain img[src*='tracker']"


@pytest.fixture
def desk_of_olga(office: Office) -> Office:
    """Nothing waits for review."""
    with office.database.writing() as connection:
        connection.execute(delete(ReviewItemRow))
    return office


def submitted(office: Office, how_many: int, *texts: samples.Sample) -> list[str]:
    """Pairs that Ada has submitted, each with a sentence more than the coach's text."""
    ids = office.queue(*(texts or [samples.plain(next(_numbers)) for _ in range(how_many)]))
    with office.client("ada") as ada:
        for _ in ids:
            item = claimed(ada.claim())
            text = item.text
            ada.submit(item, InstructionPair(text.instruction, text.input, f"{text.response} Checked."), key=item.token)
    return ids


def claimed(item: Item | None) -> Item:
    assert item is not None
    return item


def status_of(office: Office, pair_id: str) -> Status:
    with office.client("adam") as adam:
        return adam.pair(pair_id).status


def open_page(sit_down: SitDown, person: str, path: str) -> Page:
    return sit_down(person, path=path).page


def metric(page: Page, label: str) -> str:
    shown = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    expect(shown).to_be_visible()
    return shown.get_by_test_id("stMetricValue").inner_text().strip()


def downloaded(page: Page, button: int = 0) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).nth(button).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_an_owner_approves_corrects_and_sends_back(desk_of_olga: Office, sit_down: SitDown) -> None:
    office = desk_of_olga
    approved, corrected, returned = submitted(office, 3)
    page = open_page(sit_down, "olga", "/review")
    expect(page.get_by_text("3 waiting")).to_be_visible()
    expect(page.locator(".coachlm-text ins", has_text="Checked.").first).to_be_visible()
    page.get_by_text("waiting").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("2 waiting")).to_be_visible()
    assert status_of(office, approved) is Status.APPROVED

    page.get_by_text("Correct the text myself").click()
    response = page.get_by_label("Response", exact=True)
    response.fill("It is the old town. Nothing more is known.")
    page.keyboard.press("Control+Enter")  # from within the text: what stands there counts
    expect(page.get_by_text("1 waiting")).to_be_visible()
    with office.client("adam") as adam:
        final = adam.pair(corrected).final
    assert final is not None
    assert final.response == "It is the old town. Nothing more is known."

    expect(page.get_by_role("button", name="Send back")).to_have_count(1)  # the item before has gone
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Say in the comment what should change")).to_be_visible()
    assert status_of(office, returned) is Status.POST_EDITED
    page.get_by_label("Comment").fill("Which **country**? Name it.")
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    assert status_of(office, returned) is Status.RETURNED
    desk = sit_down("ada")
    desk.await_item()
    expect(desk.page.get_by_text("Which **country**? Name it.")).to_be_visible()


def test_what_an_annotator_asks_is_answered_without_a_text_of_hers(desk_of_olga: Office, sit_down: SitDown) -> None:
    office = desk_of_olga
    (pair_id,) = office.queue(samples.plain(next(_numbers)))
    with office.client("ada") as ada:
        ada.send_to_owner(claimed(ada.claim()), "Is there such a country?")
    page = open_page(sit_down, "olga", "/review")
    expect(page.get_by_text("The annotator says: Is there such a country?")).to_be_visible()
    expect(page.get_by_text("From the raw pair to the coach's text")).to_be_visible()
    page.get_by_label("Response", exact=True).fill("There is no such country.")
    page.keyboard.press("Tab")
    page.wait_for_timeout(1500)  # Streamlit draws the page anew for the text before it takes a click
    page.get_by_role("button", name="Approve with my text").click()
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    with office.client("adam") as adam:
        state = adam.pair(pair_id)
    assert state.status is Status.APPROVED
    assert state.final is not None
    assert state.final.response == "There is no such country."


def test_an_owner_sets_aside_and_restores(desk_of_olga: Office, sit_down: SitDown) -> None:
    office = desk_of_olga
    (pair_id,) = submitted(office, 1)
    page = open_page(sit_down, "olga", "/review")
    page.get_by_role("button", name="Set aside").click()
    page.get_by_role("combobox", name="Reason").click()
    page.get_by_role("option", name=ExcludeReason.MASSIVE_WORKLOAD.value).click()
    page.get_by_role("button", name="Set the pair aside").click()
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    assert status_of(office, pair_id) is Status.EXCLUDED
    page.goto(f"{office.pages.url}/exclusions")
    page.get_by_role("combobox", name="Reason").click()
    page.get_by_role("option", name=ExcludeReason.MASSIVE_WORKLOAD.value).click()
    restore = page.get_by_role("button", name="Restore")
    expect(restore).to_have_count(1)  # until the page has chosen, those of other reasons stand there too
    restore.click()
    expect(page.get_by_text("Nothing was set aside for this reason.")).to_be_visible()
    assert status_of(office, pair_id) is not Status.EXCLUDED


def test_an_operator_sees_lag_rise(office: Office, sit_down: SitDown) -> None:
    """By itself: the page isn't touched."""
    page = open_page(sit_down, "oscar", "/overview")
    coach, annotators = int(metric(page, "waits for the coach")), int(metric(page, "waits for annotators"))
    office.take_in(*(samples.plain(next(_numbers)) for _ in range(4)))
    office.queue(*(samples.plain(next(_numbers)) for _ in range(2)))
    wait_for(lambda: metric(page, "waits for the coach") == str(coach + 4))
    assert metric(page, "waits for annotators") == str(annotators + 2)
    assert metric(page, "longest for the coach") != "–"
    assert not page.get_by_text("lag of").count()  # this installation has no broker


def test_people_see_the_figures_that_are_theirs(desk_of_olga: Office, sit_down: SitDown) -> None:
    office = desk_of_olga
    submitted(office, 2)
    office.queue(samples.plain(next(_numbers)))
    with office.client("ben") as ben:
        item = claimed(ben.claim())
        ben.submit(item, item.text, key=item.token)
    page = open_page(sit_down, "olga", "/people")
    expect(page.get_by_text("What people did")).to_be_visible()
    expect(page.get_by_text("What the coach saves")).to_be_visible()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("Not enough yet")
    rows = downloaded(page)
    assert '\n"ada",' in rows
    assert '\n"ben",' in rows
    page = open_page(sit_down, "ada", "/people")
    expect(page.get_by_text("My figures")).to_be_visible()
    expect(page.get_by_text("What people did")).to_be_visible()
    rows = downloaded(page)
    assert '\n"ada",' in rows
    assert "ben" not in rows
    assert not page.get_by_text("What the coach saves").count()


def test_an_operator_promotes_and_rolls_back(office: Office, sit_down: SitDown) -> None:
    registry = DatabaseAdapterRegistry(office.database)
    first, second = (register(registry, letter) for letter in "ab")
    registry.promote(first, "adam")
    page = open_page(sit_down, "oscar", "/adapters")
    expect(page.get_by_text(f"current: {first[:12]}")).to_be_visible()
    expect(page.get_by_text("The gate passed it: fewer edits are left")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(2)
    page.get_by_label("Why (for the history)").fill("better on all figures")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text(f"current: {second[:12]}")).to_be_visible()
    assert registry.events(second)[-1].detail == "better on all figures"
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"current: {first[:12]}")).to_be_visible()
    assert registry.show(second).state is AdapterState.RETIRED
    page = open_page(sit_down, "olga", "/adapters")
    expect(page.get_by_text("The gate passed it").first).to_be_visible()
    assert not page.get_by_role("button", name="Promote").count()


def register(registry: DatabaseAdapterRegistry, letter: str, **changes: str) -> str:
    figures = [
        {"name": "edit_distance_left", "reference": 40.0, "candidate": 31.0, "low": -14.0, "high": -4.0,
         "margin": 0.0, "holds": True},
        {"name": changes.get("figure", "invalid_share"), "reference": 0.02, "candidate": 0.01, "low": -0.02,
         "high": 0.01, "margin": 0.02, "holds": True},
    ]  # fmt: skip
    reason = changes.get("reason", "fewer edits are left")
    record = AdapterRecord(letter * 64, changes.get("base", "a base"), "0" * 64, f"file:///{letter}",
                           training={"examples": 300, "seconds": 12.5, "selection": {"alpha": 0.3}})  # fmt: skip
    registry.register(record, "refresh")
    registry.record_gate(
        record.digest, {"reason": reason, "passed": True, "figures": figures, "pairs": 120, "against": "raw"},
        passed=True,
    )  # fmt: skip
    return record.digest


HOSTILE = samples.HOSTILE.response
_LINE = "w" * 1_000_000


@pytest.mark.parametrize(("person", "path"), [("ada", "desk"), ("oscar", "overview"), ("olga", "review")])
def test_every_page_has_an_address(desk_of_olga: Office, sit_down: SitDown, person: str, path: str) -> None:
    """Also the one that a role starts with."""
    page = open_page(sit_down, person, f"/{path}")
    expect(page.get_by_role("link", name=person)).to_be_visible()
    expect(page.get_by_text(_SHOWN[path]).first).to_be_visible()
    assert not page.get_by_text("Page not found").count()


_SHOWN = {"desk": "The queue is empty", "overview": "Operations", "review": "Nothing waits for your review"}


def test_hostile_text_is_shown_as_text_on_the_owners_pages(desk_of_olga: Office, sit_down: SitDown) -> None:
    office = desk_of_olga
    (pair_id,) = office.queue(samples.simple(samples.HOSTILE))
    with office.client("ada") as ada:
        item = claimed(ada.claim())
        long = InstructionPair(samples.HOSTILE.instruction, samples.HOSTILE.input, f"{HOSTILE}\n{_LINE}")
        ada.submit(item, long, key=item.token, comment=f"# {HOSTILE} :red[x] $y$")
    desk = sit_down("olga", path="/review")
    page = desk.page
    shown = page.locator(".coachlm-text").first
    expect(shown).to_contain_text('<img src=x onerror="window.stolen=1"><script>')
    expect(page.locator(".coachlm-text").nth(1)).to_contain_text("⟨U+001B⟩[31mred")
    expect(page.locator(".coachlm-text").nth(1)).to_contain_text("⟨U+202E⟩txt.exe")
    expect(page.locator(".coachlm-text").nth(2)).to_contain_text("characters more")
    expect(page.get_by_text("The annotator says: # <b>not bold</b> ![pixel]")).to_be_visible()
    assert_harmless(page)
    with office.client("olga") as olga:
        (waiting,) = olga.reviews()
        olga.exclude(pair_id, waiting.version, ExcludeReason.MULTI_MODAL, f"## {HOSTILE}")
    page.goto(f"{office.pages.url}/exclusions")
    page.get_by_role("combobox", name="Reason").click()
    page.get_by_role("option", name=ExcludeReason.MULTI_MODAL.value).click()
    expect(page.get_by_text("Show <img src=x onerror=").first).to_be_visible()
    page.get_by_text("multi modal · qa").first.click()
    expect(page.get_by_text("## <b>not bold</b>")).to_be_visible()
    assert_harmless(page)


def test_hostile_names_are_shown_as_text_and_defused_in_tables(office: Office, sit_down: SitDown) -> None:
    name = "=cmd|' /C calc'!A0 <script>window.stolen=5</script>"
    office.hire(name)
    office.queue(samples.plain(next(_numbers)))
    with office.client(name) as stranger:
        item = claimed(stranger.claim())
        stranger.submit(item, item.text, key=item.token)
    page = open_page(sit_down, "oscar", "/people")
    expect(page.get_by_text("What people did")).to_be_visible()
    assert "\n\"'=cmd|' /C calc'!A0 <script>" in downloaded(page)
    assert_harmless(page)
    registry = DatabaseAdapterRegistry(office.database)
    register(registry, "c", base=f"[base](javascript:1) {HOSTILE}", reason=f"# {HOSTILE}", figure=HOSTILE)
    page.goto(f"{office.pages.url}/adapters")
    expect(page.get_by_text("The gate passed it: # <b>not bold</b>")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Figures as CSV").click()
    assert "<b>not bold</b>" in Path(download.value.path()).read_text(encoding="utf-8")
    assert_harmless(page)
    count_stage(office, "=HYPERLINK(\"http://tracker.example\") <img src=x onerror='window.stolen=6'> ![p](/p.png)")
    page.goto(f"{office.pages.url}/overview")
    expect(page.get_by_role("button", name="CSV", exact=True)).to_have_count(4)  # all is drawn
    assert "'=HYPERLINK" in downloaded(page, 1)
    assert_harmless(page)


def count_stage(office: Office, reason: str) -> None:
    """A reason that a stage counted in this hour."""
    row = {"hour": int(time() // 3600), "stage": "excluded", "reason": reason, "engine": "", "adapter": ""}
    with office.database.writing() as connection:
        connection.execute(StageRollupRow.__table__.insert().values(**row, pairs=3, tokens=0, work_ms=0))  # pyright: ignore


def assert_harmless(page: Page) -> None:
    """Nothing of the text became an element, and no script of it ran."""
    assert page.locator(_MARKUP).count() == 0
    assert page.evaluate("window.stolen") is None
