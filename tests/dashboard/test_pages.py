"""The pages of owners, operators and people in a real browser: what they do there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from coachlm.coaching.adapters import AdapterState
from coachlm.pairs import ExcludeReason, Position, Reject, RejectReason
from coachlm.protocols.intake import IntakeBatch
from coachlm.status import Status
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.intake.store import DatabaseStore
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office, claimed

SitDown = Callable[..., DeskPage]


@pytest.mark.parametrize(("person", "path"), [("ada", "desk"), ("oscar", "overview"), ("olga", "review")])
def test_every_page_has_an_address(office: Office, sit_down: SitDown, person: str, path: str) -> None:
    """Also the one that a role starts with."""
    page = sit_down(person, path=f"/{path}").page
    expect(page.get_by_role("link", name=person)).to_be_visible()
    expect(page.get_by_text(_SHOWN[path]).first).to_be_visible()
    assert not page.get_by_text("Page not found").count()


_SHOWN = {"desk": "The queue is empty", "overview": "Operations", "review": "Nothing to review"}


def test_an_excluded_pair_is_restored(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.submitted(*samples.fresh(1))
    with office.client("olga") as olga:
        (waiting,) = olga.reviews.waiting()
        olga.desk.exclude(pair_id, waiting.version, ExcludeReason.SAFETY, "a recipe for harm")
    tab = sit_down("olga", path="/exclusions")
    tab.choose("Reason", ExcludeReason.SAFETY.value)
    tab.page.locator("summary").click()
    expect(tab.page.get_by_text("a recipe for harm")).to_be_visible()
    tab.click("Restore")
    expect(tab.page.get_by_text("No pair is excluded for this reason.")).to_be_visible()
    assert office.pair(pair_id).status is Status.ACCEPTED


def test_what_was_rejected_is_found_by_reason_and_file(office: Office, sit_down: SitDown) -> None:
    odd = Reject(Position("logs/<b>odd.jsonl", 6), RejectReason.EMPTY, "the answer is blank", "chat", "<i>Say it</i>")
    many = [Reject(Position("logs/many.jsonl", n), RejectReason.NO_RESPONSE, "no answer") for n in range(25)]
    DatabaseStore(office.database).commit_intake(IntakeBatch(rejects=[odd, *many]))
    tab = sit_down("oscar", path="/rejects")
    lines = tab.page.locator(".coachlm-folded")
    expect(lines).to_have_count(20)
    tab.click("More")
    expect(lines).to_have_count(6)
    tab.choose("Reason", "empty (1)")
    expect(lines).to_have_count(1)
    tab.page.locator("summary").click()
    expect(lines).to_contain_text("<b>odd.jsonl:7: the answer is blank")
    expect(tab.page.get_by_text("<i>Say it</i>")).to_be_visible()
    tab.page.get_by_label("File or topic").fill("elsewhere")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_text("No reject is like that.")).to_be_visible()


def test_an_operator_sees_work_pile_up(office: Office, sit_down: SitDown) -> None:
    """By itself: the page isn't touched."""
    tab = sit_down("oscar", path="/overview")
    coach, annotators = int(tab.figure("for the coach")), int(tab.figure("for annotators"))
    office.take_in(*samples.fresh(4))
    office.queue(*samples.fresh(2))
    expect(tab.tile("for the coach").locator("b")).to_have_text(str(coach + 4))
    assert tab.figure("for annotators") == str(annotators + 2)
    expect(tab.tile("for the coach").locator("small")).to_contain_text("longest: ")
    assert not tab.page.get_by_text("lag of").count()  # this installation has no broker


def test_a_chart_is_saved_as_a_picture_and_as_a_table(office: Office, sit_down: SitDown) -> None:
    office.take_in(*samples.fresh(2))
    tab = sit_down("oscar", path="/overview")
    chart = tab.page.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible()
    assert "accepted" in tab.downloaded("flow")
    chart.hover()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Download as PNG").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_people_see_the_figures_that_are_theirs(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(2))
    office.queue(*samples.fresh(1))
    with office.client("ben") as ben:
        item = claimed(ben.desk.claim())
        ben.desk.submit(item, item.text, key=item.token)
    tab = sit_down("olga", path="/people")
    expect(tab.page.get_by_text("What people did")).to_be_visible()
    expect(tab.page.get_by_text("What the coach saves")).to_be_visible()
    expect(tab.page.get_by_test_id("stAlert").first).to_contain_text("Not enough yet")
    rows = tab.downloaded("people")
    assert '\n"ada",' in rows
    assert '\n"ben",' in rows
    tab = sit_down("ada", path="/people")
    expect(tab.page.get_by_text("My figures")).to_be_visible()
    expect(tab.page.get_by_text("What you did")).to_be_visible()
    rows = tab.downloaded("people")
    assert '\n"ada",' in rows
    assert "ben" not in rows
    assert not tab.page.get_by_text("What the coach saves").count()


def test_an_operator_promotes_and_rolls_back(office: Office, sit_down: SitDown) -> None:
    registry = DatabaseAdapterRegistry(office.database)
    first, second = (samples.adapter(registry, letter) for letter in "ab")
    registry.promote(first, "adam")
    tab = sit_down("oscar", path="/adapters")
    page = tab.page
    expect(page.get_by_text(f"current: {first[:12]}")).to_be_visible()
    expect(page.get_by_text("The gate passed it: fewer edits are left")).to_be_visible()
    expect(page.get_by_role("table", name="What the gate measured").get_by_role("row")).to_have_count(3)
    with tab.redrawn():
        page.get_by_label("Why (for the history)").fill("better on all figures")
        tab.press("Tab")
    tab.click("Promote")
    expect(page.get_by_text(f"current: {second[:12]}")).to_be_visible()
    assert registry.events(second)[-1].detail == "better on all figures"
    tab.click("Roll back")
    expect(page.get_by_text(f"current: {first[:12]}")).to_be_visible()
    assert registry.show(second).state is AdapterState.RETIRED
    page = sit_down("olga", path="/adapters").page
    expect(page.get_by_text("The gate passed it").first).to_be_visible()
    assert not page.get_by_role("button", name="Promote").count()
