"""The pages of owners, operators and people in a real browser: what they do there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from coachlm.adapters import AdapterState
from coachlm.pairs import ExcludeReason
from coachlm.status import Status
from storage.adapters import DatabaseAdapterRegistry
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


_SHOWN = {"desk": "The queue is empty", "overview": "Operations", "review": "Nothing waits for your review"}


def test_an_owner_approves_corrects_and_sends_back(office: Office, sit_down: SitDown) -> None:
    approved, corrected, returned = office.submitted(*samples.fresh(3))
    tab = sit_down("olga", path="/review")
    page = tab.page
    expect(page.get_by_text("3 waiting")).to_be_visible()
    expect(page.locator(".coachlm-text ins", has_text="Checked.").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    with tab.redrawn():
        tab.press("Control+Enter")
    expect(page.get_by_text("2 waiting")).to_be_visible()
    assert office.pair(approved).status is Status.APPROVED

    with tab.redrawn():
        page.get_by_text("Correct the text myself").click()
    page.get_by_label("Response", exact=True).fill("It is the old town. Nothing more is known.")
    tab.press("Control+Enter")  # from within the text: what stands there counts
    expect(page.get_by_text("1 waiting")).to_be_visible()
    tab.settle()
    final = office.pair(corrected).final
    assert final is not None
    assert final.response == "It is the old town. Nothing more is known."

    tab.click("Send back")
    expect(page.get_by_text("Say in the comment what should change")).to_be_visible()
    assert office.pair(returned).status is Status.POST_EDITED
    page.get_by_label("Comment").fill("Which **country**? Name it.")
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    assert office.pair(returned).status is Status.RETURNED
    desk = sit_down("ada")
    desk.await_item()
    expect(desk.page.get_by_text("Which **country**? Name it.")).to_be_visible()


def test_what_an_annotator_asks_is_answered_without_a_text_of_hers(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.queue(*samples.fresh(1))
    with office.client("ada") as ada:
        ada.send_to_owner(claimed(ada.claim()), "Is there such a country?")
    page = sit_down("olga", path="/review").page
    expect(page.get_by_text("The annotator says: Is there such a country?")).to_be_visible()
    expect(page.get_by_text("From the raw pair to the coach's text")).to_be_visible()
    page.get_by_label("Response", exact=True).fill("There is no such country.")
    page.get_by_role("button", name="Approve with my text").click()  # at once, while the page takes the text in
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    pair = office.pair(pair_id)
    assert pair.status is Status.APPROVED
    assert pair.final is not None
    assert pair.final.response == "There is no such country."


def test_what_was_decided_leaves_the_page_at_once(office: Office, sit_down: SitDown) -> None:
    """Its buttons don't stay while the next one is fetched."""
    first, second = office.submitted(*samples.fresh(2))
    tab = sit_down("olga", path="/review")
    expect(tab.page.get_by_text(f"Pair {first[:12]}")).to_be_visible()
    tab.settle()
    seen = tab.page.evaluate_handle(_WATCH_BUTTONS)
    tab.click("Approve")
    expect(tab.page.get_by_text(f"Pair {second[:12]}")).to_be_visible()
    assert "" in seen.json_value()  # between the two there was nothing to press


_WATCH_BUTTONS = """() => {
  const seen = [];
  const note = () => seen.push(document.querySelector("[class*='st-key-approve']") ? "button" : "");
  new MutationObserver(note).observe(document.querySelector("[data-testid=stMain]"), {childList: true, subtree: true});
  return seen;
}"""


def test_what_an_owner_has_typed_survives_a_service_that_is_away(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.submitted(*samples.fresh(1))
    tab = sit_down("olga", path="/review")
    page = tab.page
    with tab.redrawn():
        page.get_by_text("Correct the text myself").click()
    with tab.redrawn():
        page.get_by_label("Comment").fill("Checked with an atlas.")
        page.keyboard.press("Tab")
    page.get_by_label("Response", exact=True).fill("Typed before the service went.")
    office.service.stop()
    tab.press("Control+Enter")
    expect(page.get_by_role("heading", name="The service is away")).to_be_visible()
    office.service.start()
    expect(page.get_by_label("Response", exact=True)).to_have_value("Typed before the service went.")
    expect(page.get_by_label("Comment")).to_have_value("Checked with an atlas.")
    tab.settle()
    tab.click("Approve with my text")
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    final = office.pair(pair_id).final
    assert final is not None
    assert final.response == "Typed before the service went."


def test_an_owner_sets_aside_and_restores(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.submitted(*samples.fresh(1))
    tab = sit_down("olga", path="/review")
    page = tab.page
    page.get_by_role("button", name="Set aside").click()
    tab.choose("Reason", ExcludeReason.MASSIVE_WORKLOAD.value)
    tab.click("Set the pair aside")
    expect(page.get_by_text("Nothing waits for your review")).to_be_visible()
    assert office.pair(pair_id).status is Status.EXCLUDED
    page.goto(f"{office.pages.url}/exclusions")
    tab.choose("Reason", ExcludeReason.MASSIVE_WORKLOAD.value)
    tab.click("Restore")
    expect(page.get_by_text("Nothing was set aside for this reason.")).to_be_visible()
    assert office.pair(pair_id).status is Status.ACCEPTED


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
        item = claimed(ben.claim())
        ben.submit(item, item.text, key=item.token)
    tab = sit_down("olga", path="/people")
    expect(tab.page.get_by_text("What people did")).to_be_visible()
    expect(tab.page.get_by_text("What the coach saves")).to_be_visible()
    expect(tab.page.get_by_test_id("stAlert").first).to_contain_text("Not enough yet")
    rows = tab.downloaded("people")
    assert '\n"ada",' in rows
    assert '\n"ben",' in rows
    tab = sit_down("ada", path="/people")
    expect(tab.page.get_by_text("My figures")).to_be_visible()
    expect(tab.page.get_by_text("What people did")).to_be_visible()
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
