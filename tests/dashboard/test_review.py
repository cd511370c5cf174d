"""The owner's review in a real browser, with real service and pages: decided by keyboard, and nothing typed is lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from api.client.client import Client
from coachlm.desk.post_edit import Decision
from coachlm.desk.work import PersonRole
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.profiles import Profiles
from tests.dashboard.servers import Office, claimed, wait_for

_CLAIM = re.compile(r"/reviews/claim$")
SitDown = Callable[..., DeskPage]


def reviewing(sit_down: SitDown, person: str = "olga", **options: DeskPage) -> DeskPage:
    tab = sit_down(person, path="/review", **options)
    tab.await_item()
    return tab


def dialog(tab: DeskPage) -> Locator:
    return tab.page.get_by_role("dialog", name="Three versions of this pair")


def final_of(office: Office, pair_id: str) -> str:
    final = office.pair(pair_id).final
    return "" if final is None else final.response


def test_an_owner_decides_by_keyboard_alone(office: Office, sit_down: SitDown) -> None:
    approved, corrected, returned, excluded = office.submitted(*samples.fresh(4))
    tab = reviewing(sit_down)
    tab.await_words(".progress", "4 waiting")
    tab.press("Alt+KeyV")
    tab.press("Alt+KeyV")  # what the annotator wrote: nothing differs from it
    expect(tab.page.locator(".new")).to_have_count(0)
    tab.submit_and_await_next()

    tab.press("Alt+Digit3")
    tab.press("Control+a")
    tab.type("It is the old town. Nothing more is known.")
    expect(tab.page.get_by_role("button", name="Approve with my text")).to_be_visible()
    before = tab.text()
    tab.press("Control+Enter")  # from within the text: what stands there counts
    expect(tab.area("instruction")).not_to_have_value(before)

    tab.press("Control+KeyB")
    tab.await_words(".notice", "Say in the comment what should change")
    tab.type("Which **country**? Name it.")
    before = tab.text()
    tab.press("Control+KeyB")
    expect(tab.area("instruction")).not_to_have_value(before)

    tab.press("Alt+KeyX")
    tab.press("3")
    tab.press("Control+Enter")
    tab.await_words(".empty", "Nothing to review")
    tab.await_words(".progress", "0 waiting")
    wait_for(lambda: office.pair(returned).status is Status.RETURNED)
    assert office.pair(approved).status is Status.APPROVED
    assert final_of(office, approved).endswith("Checked.")
    assert final_of(office, corrected) == "It is the old town. Nothing more is known."
    assert office.pair(excluded).exclude_reason == "massive_workload"
    desk = sit_down("ada")
    desk.await_item()
    desk.await_words(".returned", "Which **country**? Name it.")


def test_what_is_put_off_comes_again_with_what_was_typed(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(2))
    tab = reviewing(sit_down)
    first = tab.text()
    tab.press("Alt+KeyM")
    tab.type("Half a thought")
    tab.press("Alt+KeyS")
    expect(tab.area("instruction")).not_to_have_value(first)
    tab.press("Alt+KeyS")
    tab.await_item(first)
    expect(tab.page.get_by_label("Comment for the annotator")).to_have_value("Half a thought")


def test_what_an_annotator_asks_is_answered_with_a_text(office: Office, sit_down: SitDown) -> None:
    (pair_id,) = office.queue(*samples.fresh(1))
    with office.client("ada") as ada:
        ada.desk.send_to_owner(claimed(ada.desk.claim()), "Is there such a country?")
    tab = reviewing(sit_down)
    tab.await_words(".said", "The annotator says: Is there such a country?")
    tab.press("Alt+Digit3")
    tab.press("Control+a")
    tab.press("Delete")
    tab.press("Control+Enter")
    tab.await_words(".notice", "neither may be empty")
    tab.type("There is no such country.")
    tab.press("Control+Enter")
    tab.await_words(".empty", "Nothing to review")
    wait_for(lambda: office.pair(pair_id).status is Status.APPROVED)
    assert final_of(office, pair_id) == "There is no such country."


def test_reload_and_crash_lose_nothing(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(2))
    tab = reviewing(sit_down)
    first = tab.text()
    tab.edit_response(" Never sent to the service.")
    tab.page.reload()
    tab.await_item(first)
    assert tab.text("response").endswith("Never sent to the service.")
    tab.edit_response(" Before the crash.")
    tab.page.wait_for_function("JSON.stringify(localStorage).includes('Before the crash.')")
    context = tab.page.context
    tab.page.close(run_before_unload=False)
    again = DeskPage(context.new_page(), tab.url)
    again.await_item(first)
    assert again.text("response").endswith("Before the crash.")


def test_the_service_restarts_while_somebody_types_and_decides(office: Office, sit_down: SitDown) -> None:
    first_id, second_id = office.submitted(*samples.fresh(2))
    tab = reviewing(sit_down)
    tab.await_fetched("reviews/claim")
    office.service.stop()
    tab.edit_response(" Written while it was away.")
    tab.await_words(".notice", "can't be reached")
    tab.submit_and_await_next()
    tab.await_words(".state", "being sent")
    tab.edit_response(" And this.")
    office.service.start()
    wait_for(lambda: final_of(office, first_id).endswith("Written while it was away."))
    tab.await_saved()
    with office.client("olga") as olga:
        (waiting,) = olga.reviews.waiting()
    assert waiting.pair_id == second_id
    assert waiting.draft is not None
    assert waiting.draft.text.response.endswith("And this.")


def test_a_decision_survives_the_tab(office: Office, sit_down: SitDown) -> None:
    """Made while the service was away, the tab closed, and sent when the page is opened again; once."""
    first_id, _ = office.submitted(*samples.fresh(2))
    tab = reviewing(sit_down)
    tab.await_fetched("reviews/claim")
    office.service.stop()
    tab.edit_response(" Sent later.")
    tab.submit_and_await_next()
    context = tab.page.context
    tab.page.close()
    office.service.start()
    DeskPage(context.new_page(), tab.url).await_item()
    wait_for(lambda: final_of(office, first_id).endswith("Sent later."))
    with office.client("olga") as olga:
        assert [entry.kind for entry in olga.pairs.history(first_id)].count("review") == 1


def test_a_session_that_ends_mid_edit_goes_on_after_signing_in(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(1))
    tab = reviewing(sit_down)
    first = tab.text()
    tab.page.context.clear_cookies()
    tab.edit_response(" Kept.")
    tab.await_words(".notice", "Your session has ended")
    tab.sign_in_again(office.tokens["olga"])
    tab.await_item(first)
    tab.edit_response(" And saved.")
    tab.await_saved()
    assert tab.text("response").endswith("Kept. And saved.")


def test_another_browser_has_the_draft_and_two_of_them_are_shown_side_by_side(
    office: Office, sit_down: SitDown, browser: Browser
) -> None:
    office.submitted(*samples.fresh(1))
    tab = reviewing(sit_down)
    tab.edit_response(" From the office.")
    tab.await_saved()
    elsewhere = Profiles(browser)
    home = DeskPage(elsewhere.open("olga", office.tokens["olga"], office.pages.url), f"{office.pages.url}/review")
    home.await_item()
    assert home.text("response").endswith("From the office.")
    home.edit_response(" From home.")
    home.await_saved()
    tab.page.reload()
    expect(dialog(tab).locator(".version").nth(0)).to_contain_text("From the office.")
    expect(dialog(tab).locator(".version").nth(1)).to_contain_text("From home.")
    tab.page.get_by_role("button", name="Take the other").click()
    expect(tab.area("response")).to_have_value(home.text("response"))
    elsewhere.close()


def test_a_decision_that_comes_too_late_shows_three_versions(office: Office, sit_down: SitDown) -> None:
    pair_id, _ = office.submitted(*samples.fresh(2))
    tab = reviewing(sit_down)
    tab.edit_response(" Olga's.")
    office.expire_reviews()
    with office.client("adam") as adam:
        waiting = next(item for item in adam.reviews.waiting() if item.pair_id == pair_id)
        adam.reviews.decide(waiting, Decision.FIX, InstructionPair("By Adam?", "", "Adam's."))
    tab.press("Control+Enter")
    expect(dialog(tab).locator(".version").nth(0)).to_contain_text("Checked. Olga's.")
    expect(dialog(tab).locator(".version").nth(1)).to_contain_text("Adam's.")
    expect(dialog(tab).locator(".version").nth(2)).to_contain_text("it lies on a rivr")
    assert final_of(office, pair_id) == "Adam's."
    with office.client("olga") as olga:
        assert any(entry.text and entry.text.response.endswith("Olga's.") for entry in olga.pairs.drafts(pair_id))
    tab.page.get_by_role("button", name="Continue").click()
    tab.await_item()
    tab.await_words(".progress", "1 waiting")


@pytest.mark.parametrize("others", [0, 1])
def test_a_pair_that_changed_and_still_waits_is_looked_at_again_with_the_text(
    office: Office, sit_down: SitDown, others: int
) -> None:
    pair_id, *_ = office.submitted(*samples.fresh(1 + others))
    tab = reviewing(sit_down)
    tab.edit_response(" Olga's.")
    tab.await_saved()
    office.expire_reviews()
    with office.client("adam") as adam:
        waiting = next(item for item in adam.reviews.waiting() if item.pair_id == pair_id)
        adam.reviews.decide(waiting, Decision.RETURN, comment="Once more.")
    with office.client("ada") as ada:
        _hand_in_again(ada)
    tab.edit_response(" Still hers.")
    expect(dialog(tab).locator(".version").nth(0)).to_contain_text("Olga's. Still hers.")
    expect(dialog(tab).locator(".version").nth(1)).to_contain_text("Ada's second.")
    # Where nothing else waits it has come again by itself.
    tab.page.get_by_role("button", name="Look at it again with my text" if others else "Take mine").click()
    expect(tab.area("response")).to_have_value(re.compile("Olga's. Still hers.$"))
    tab.press("Control+Enter")
    wait_for(lambda: final_of(office, pair_id).endswith("Olga's. Still hers."))


def _hand_in_again(ada: Client) -> None:
    item = claimed(ada.desk.claim())
    ada.desk.submit(item, InstructionPair("What is it?", "", "Ada's second."), key=f"again {item.token}")


def test_a_class_is_chosen_while_items_of_all_are_on_their_way(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(1))
    tab = reviewing(sit_down)
    asked: list[Route] = []
    tab.page.route(
        _CLAIM,
        lambda route: route.continue_() if "task_class" in (route.request.post_data or "") else asked.append(route),
    )
    tab.press("Alt+KeyS")  # put off: asks what else waits
    while not asked:
        tab.page.wait_for_timeout(10)
    tab.page.get_by_label("Class").select_option("creative")
    for route in asked:
        route.continue_()
    tab.await_words(".empty", "Nothing to review")
    tab.page.get_by_label("Class").select_option("qa")
    tab.await_item()


def test_two_tabs_look_at_different_items_and_an_owner_sees_her_class(office: Office, sit_down: SitDown) -> None:
    office.submitted(*samples.fresh(3))
    tab = reviewing(sit_down)
    other = reviewing(sit_down, tab_of=tab)
    assert other.text() != tab.text()
    other.page.get_by_label("Class").select_option("creative")
    other.await_words(".empty", "Nothing to review")
    other.page.get_by_label("Class").select_option("qa")
    other.await_item()
    office.expire_reviews()
    office.hire("quentin", PersonRole.OWNER)
    mine = reviewing(sit_down, "quentin")
    expect(mine.page.get_by_label("Class")).to_be_visible()  # Adam has no unit
    mine.await_words(".progress", "3 waiting")
