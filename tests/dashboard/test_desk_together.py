"""Several people and browsers at one desk, and second thoughts: nobody takes another's item, and nothing is final."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from coachlm.desk.post_edit import Decision
from coachlm.desk.work import PersonRole
from coachlm.status import Status
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.profiles import Profiles
from tests.dashboard.servers import Office, claimed, wait_for

SitDown = Callable[..., DeskPage]


def test_a_question_comes_first_and_its_answer_is_shown(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(2))
    (asked,) = office.queue(*samples.fresh(1))
    with office.client("ada") as ada, office.client("olga") as olga:
        ada.desk.send_to_owner(claimed(ada.desk.claim()), "May I <b>cut</b> it?")
        first = olga.reviews.claim()[0]
        assert first.pair_id == asked
        olga.reviews.decide(first, Decision.RETURN, comment="Yes, to two sentences.")
    desk = sit_down("ada")
    desk.await_item()
    desk.await_words(".returned", "You asked: May I <b>cut</b> it?")
    desk.await_words(".returned", "The owner answers: Yes, to two sentences.")


def test_a_key_pressed_twice_hands_one_item_in_and_undo_takes_back_what_was_last(
    office: Office, sit_down: SitDown
) -> None:
    office.queue(*samples.fresh(5))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.await_fetched("queue/claim", 2)
    desk.press("Control+Enter")
    desk.page.keyboard.press("Control+Enter")  # the finger slipped: nobody has read the second
    expect(desk.area("instruction")).not_to_have_value(first)
    second = desk.text()
    desk.await_fetched("queue/submit")
    assert desk.text() == second
    third = desk.submit_and_await_next()
    desk.press("Alt+KeyX")
    desk.press("2")
    desk.page.keyboard.press("Control+Enter")
    expect(desk.area("instruction")).not_to_have_value(third)
    fourth = desk.text()
    desk.press("Alt+KeyS")
    expect(desk.area("instruction")).not_to_have_value(fourth)
    for taken_back in (fourth, third, second, first):
        desk.press("Alt+KeyU")
        desk.await_item(taken_back)
    desk.press("Alt+KeyU")
    desk.await_words(".notice", "nothing to undo")


def test_two_owners_get_different_items_and_take_their_decisions_back(office: Office, sit_down: SitDown) -> None:
    ids = office.submitted(*samples.fresh(6))
    office.hire("otto", PersonRole.OWNER)
    tabs = [sit_down(owner, path="/review") for owner in ("olga", "otto")]
    shown = [tab.await_item() for tab in tabs]
    assert len(set(shown)) == 2
    olga, otto = tabs
    olga.edit_response(" Olga's.")
    olga.press("Control+Enter")
    olga.page.keyboard.press("Control+Enter")  # twice
    expect(olga.area("instruction")).not_to_have_value(shown[0])
    second = olga.text()
    olga.await_words(".notice", "Approved with your text.")
    assert olga.text() == second
    assert otto.submit_and_await_next() not in (*shown, second)
    wait_for(lambda: sum(office.pair(one).status is Status.APPROVED for one in ids) == 2)
    assert {office.pair(one).reviewer for one in ids} == {"olga", "otto", None}
    olga.press("Alt+KeyM")
    olga.type("Which one?")
    olga.press("Control+KeyB")
    expect(olga.area("instruction")).not_to_have_value(second)
    for taken_back in (second, shown[0]):
        olga.press("Alt+KeyU")
        olga.await_item(taken_back)
    assert olga.text("response").endswith("Olga's.")
    assert sum(office.pair(one).status is Status.POST_EDITED for one in ids) == 5
    with office.client("olga") as client:
        assert [entry.kind for entry in client.pairs.history(ids[0])].count("review") == 1


def test_of_two_browsers_on_one_item_the_older_text_never_wins_silently(
    office: Office, sit_down: SitDown, browser: Browser
) -> None:
    office.queue(*samples.fresh(1))
    one = sit_down("ada")
    one.await_item()
    one.edit_response(" ONE")
    one.await_saved()
    elsewhere = Profiles(browser)
    other = DeskPage(elsewhere.open("ada", office.tokens["ada"], office.pages.url), office.pages.url)
    other.await_item()
    assert other.text("response").endswith(" ONE")
    other.edit_response(" TWO")
    other.await_saved()
    one.edit_response(" MORE")
    dialog = one.page.get_by_role("dialog", name="Three versions of this pair")
    expect(dialog.locator(".version").nth(0)).to_contain_text("ONE MORE")
    expect(dialog.locator(".version").nth(1)).to_contain_text("ONE TWO")
    one.page.get_by_role("button", name="Take the saved one").click()
    expect(one.area("response")).to_have_value(other.text("response"))
    one.edit_response(" THREE")
    one.await_saved()
    other.press("Control+Enter")  # with a text that is older by now
    dialog = other.page.get_by_role("dialog", name="Three versions of this pair")
    expect(dialog.locator(".version").nth(1)).to_contain_text("ONE TWO THREE")
    other.page.get_by_role("button", name="Take the saved one").click()
    expect(other.area("response")).to_have_value(one.text("response"))
    elsewhere.close()


def test_nothing_is_claimed_before_somebody_starts(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(2))
    with office.client("adam") as adam:
        started = sit_down("adam")
        expect(started.page.get_by_text("What the coach saves")).to_be_visible()
        expect(started.page).to_have_title("People · CoachLM")
        desk = sit_down("adam", path="/desk")
        desk.await_words(".empty", "pairs wait.")
        assert adam.desk.held() == []
        desk.press("Control+Enter")
        desk.await_item()
        expect(desk.page.locator("[aria-current=page]")).to_contain_text("Desk")
        expect(desk.page).to_have_title(re.compile(r"^\(\d+\) Desk · CoachLM$"))
        assert adam.desk.held()
    page = sit_down("olga", path="/review").page
    expect(page.locator("[aria-current=page]")).to_contain_text("Review")
    page.goto(f"{office.pages.url}/nowhere/at/all")
    expect(page.get_by_role("heading", name="There is no page here")).to_be_visible()
    page.get_by_role("link", name="start page").click()
    expect(page).to_have_title("Review · CoachLM")
    page = sit_down("ada", path="/review").page
    expect(page.get_by_text("This page is for people with another role")).to_be_visible()


@pytest.mark.parametrize("width", [820, 1100])
def test_all_can_be_reached_in_a_narrow_window(office: Office, sit_down: SitDown, width: int) -> None:
    office.submitted(*samples.fresh(1))
    office.queue(*samples.fresh(1))
    for person in ("olga", "ada"):
        tab = sit_down(person)
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.await_item()
        for button in tab.page.locator(".bar button:visible").all():
            box = button.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    score = tab.page.get_by_label("Score of the instruction")
    expect(score).to_be_hidden()
    tab.page.get_by_role("button", name="Scores").click()
    expect(score).to_be_focused()
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    expect(score).to_be_visible()
