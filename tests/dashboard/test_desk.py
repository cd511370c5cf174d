"""The post-edit desk in a real browser, with the real service and pages: work by keyboard, and nothing lost."""

from collections.abc import Callable

from playwright.sync_api import expect

from api.client.client import Client
from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.desk.post_edit import Decision
from coachlm.pairs import InstructionPair
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office, wait_for

SitDown = Callable[..., DeskPage]


def test_ten_items_by_keyboard_alone(office: Office, sit_down: SitDown) -> None:
    office.hire("tess")  # who has done nothing today
    ids = office.queue(*samples.fresh(10))
    desk = sit_down("tess")
    for number in range(10):
        desk.await_item()
        desk.edit_response(f" Checked {number}.")
        if number < 9:
            desk.submit_and_await_next()
    desk.press("Control+Enter")
    desk.await_words(".empty", "The queue is empty")
    desk.await_words(".progress", "10 today")
    finals = [office.pair(pair_id).final for pair_id in ids]
    assert [final and final.response[-10:] for final in finals] == [f"Checked {number}."[-10:] for number in range(10)]


def test_every_action_by_keyboard(office: Office, sit_down: SitDown) -> None:
    skipped, excluded, asked, done = office.queue(*samples.fresh(4))
    desk = sit_down("ada")
    desk.await_item()
    desk.press("Escape")
    desk.press("?")
    desk.await_words("dialog", "Take back what you did last")
    desk.press("Escape")
    first = desk.text()
    desk.press("Alt+KeyS")
    expect(desk.area("instruction")).not_to_have_value(first)
    second = desk.text()
    desk.press("Alt+KeyX")
    desk.press("2")
    desk.press("Control+Enter")
    expect(desk.area("instruction")).not_to_have_value(second)
    third = desk.text()
    desk.press("Alt+KeyO")
    desk.type("Is this a country?")
    desk.press("Control+Enter")
    expect(desk.area("instruction")).not_to_have_value(third)
    desk.press("Alt+KeyC")
    desk.press("Alt+KeyC")  # hidden and shown again, with the focus in it
    desk.type("96")
    desk.press("Tab")
    desk.press("Space")  # contextualization is advanced: no cap
    desk.press("Alt+Digit3")
    desk.press("Control+Enter")
    desk.await_words(".notice", "Give both scores or none")
    desk.page.get_by_label("Score of the response").focus()
    desk.type("95")
    desk.press("Control+Enter")
    expect(desk.page.locator(".notice").first).not_to_contain_text("scores")
    with office.client("olga") as olga:
        wait_for(lambda: olga.pairs.state(done).status == "post_edited")
        assert olga.pairs.state(excluded).exclude_reason == "beyond_expertise"
        assert olga.pairs.state(skipped).status == "revised"
        items = {item.pair_id: item for item in olga.reviews.waiting()}
        assert asked in items or olga.pairs.state(asked).status == "revised"
    edit = items[done].post_edit
    assert edit is not None
    scores = edit.scores
    assert scores is not None
    assert (scores.instruction, scores.response) == (96, 95)


def test_a_change_is_taken_back_by_key_and_by_click(office: Office, sit_down: SitDown) -> None:
    office.queue(samples.tea())
    desk = sit_down("ada")
    desk.await_item("How do I make good green tea?")
    desk.press("Alt+KeyN")
    desk.press("Enter")
    assert desk.text() == "how do i make good green tea?"  # two words with one between them are one change
    desk.press("Control+KeyZ")
    assert desk.text() == "How do I make good green tea?"
    desk.page.locator("section[data-name=instruction] .gone").last.click()
    assert desk.text() == "how do i make good green tea?"
    desk.press("Control+KeyZ")
    desk.press("Alt+KeyG")
    selected = desk.area("response").evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert selected == "75 °C"


def test_undo_gives_the_item_back(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(2))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.edit_response(" Too early.")
    desk.submit_and_await_next()
    expect(desk.page.get_by_role("button", name="Undo")).to_be_visible()
    desk.press("Alt+KeyU")
    desk.await_item(first)
    assert desk.text("response").endswith("Too early.")


def test_reload_restores_what_was_typed(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(2))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.edit_response(" Never sent to the service.")
    desk.page.reload()
    desk.await_item(first)
    expect(desk.area("response")).to_have_value(desk.text("response"))
    assert desk.text("response").endswith("Never sent to the service.")


def test_a_crashed_tab_loses_nothing(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(1))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.edit_response(" Before the crash.")
    desk.page.wait_for_function("JSON.stringify(localStorage).includes('Before the crash.')")
    context = desk.page.context
    desk.page.close(run_before_unload=False)
    again = DeskPage(context.new_page(), desk.url)
    again.await_item(first)
    assert again.text("response").endswith("Before the crash.")


def test_the_service_restarts_while_somebody_writes_and_submits(office: Office, sit_down: SitDown) -> None:
    first_id, *_ = office.queue(*samples.fresh(3))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.await_fetched("queue/claim", 2)
    office.service.stop()
    desk.edit_response(" Written while it was away.")
    desk.await_words(".notice", "can't be reached")
    second = desk.submit_and_await_next()
    assert second != first
    desk.await_words(".state", "being sent")
    office.service.start()
    with office.client("ada") as ada:
        wait_for(lambda: ada.pairs.state(first_id).status == "post_edited")
        final = ada.pairs.state(first_id).final
    assert final is not None
    assert final.response.endswith("Written while it was away.")
    desk.await_item(second)


def test_a_submit_survives_the_tab(office: Office, sit_down: SitDown) -> None:
    """Handed in while the service was away, the tab closed, and sent when the desk is opened again."""
    first_id, *_ = office.queue(*samples.fresh(2))
    desk = sit_down("ada")
    desk.await_item()
    desk.await_fetched("queue/claim", 2)
    office.service.stop()
    desk.edit_response(" Sent later.")
    desk.submit_and_await_next()
    context = desk.page.context
    desk.page.close()
    office.service.start()
    DeskPage(context.new_page(), desk.url).await_item()
    with office.client("ada") as ada:
        wait_for(lambda: ada.pairs.state(first_id).status == "post_edited")


def test_a_lease_that_ran_out_keeps_the_text_and_shows_three_versions(office: Office, sit_down: SitDown) -> None:
    pair_id, *_ = office.queue(*samples.fresh(1))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.edit_response(" Mine.")
    desk.await_saved()
    office.expire_leases()
    with office.client("ben") as ben:
        item = ben.desk.claim()
        assert item is not None
        ben.desk.submit(item, InstructionPair("By Ben?", "", "Ben's."), key=f"ben-{pair_id}")
    desk.edit_response(" More.")
    dialog = desk.page.locator("dialog")
    expect(dialog).to_contain_text("Mine. More.")
    expect(dialog).to_contain_text("Ben's.")
    expect(dialog.locator(".version").nth(2)).to_contain_text("it lies on a rivr")
    with office.client("ada") as ada:
        # The dialog is there before the service has the last words.
        wait_for(lambda: any(text.endswith("Mine. More.") for text in kept_texts(ada, pair_id)))
    assert first


def kept_texts(client: Client, pair_id: str) -> list[str]:
    """The responses of the drafts that the service holds of a pair."""
    return [entry.text.response for entry in client.pairs.drafts(pair_id) if entry.text]


def test_an_expired_item_is_got_back_with_the_text(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(1))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.edit_response(" Still mine.")
    desk.await_saved()
    office.expire_leases()
    desk.edit_response(" Yes.")
    desk.page.get_by_role("button", name="Get it back with my text").click()
    desk.await_item(first)
    assert desk.text("response").endswith("Still mine. Yes.")


def test_two_tabs_of_one_person_work_on_different_items(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(4))
    desk = sit_down("ada")
    first = desk.await_item()
    other = sit_down("ada", tab_of=desk)
    assert other.await_item() != first
    other.edit_response(" From the second tab.")
    other.submit_and_await_next()
    assert desk.text() == first


def test_two_annotators_never_get_the_same_item(office: Office, sit_down: SitDown) -> None:
    ids = office.queue(*samples.fresh(8))
    desks = [sit_down("ada"), sit_down("ben")]
    seen = [desk.await_item() for desk in desks]
    for _ in range(2):
        for desk in desks:
            desk.press("Control+Enter")
        for desk in desks:
            expect(desk.area("instruction")).not_to_have_value(seen[-2] if desk is desks[0] else seen[-1])
        seen += [desk.text() for desk in desks]
    assert len(set(seen)) == len(seen)
    with office.client("olga") as olga:
        wait_for(lambda: len([item for item in olga.reviews.waiting() if item.pair_id in ids]) == 4)


def test_an_item_sent_back_shows_the_owners_comment(office: Office, sit_down: SitDown) -> None:
    pair_id, *_ = office.queue(*samples.fresh(1))
    with office.client("ada") as ada, office.client("olga") as olga:
        item = ada.desk.claim()
        assert item is not None
        ada.desk.submit(item, InstructionPair("What is it?", "", "Ada's first try."), key=f"first-{pair_id}")
        waiting = next(one for one in olga.reviews.waiting() if one.pair_id == pair_id)
        olga.reviews.decide(waiting, Decision.RETURN, comment="Please say which river. <b>Now</b>")
    desk = sit_down("ada")
    desk.await_item("What is it?")
    desk.await_words(".returned", "Please say which river. <b>Now</b>")
    assert desk.text("response") == "Ada's first try."


def test_a_session_that_ends_mid_edit_goes_on_after_signing_in(office: Office, sit_down: SitDown) -> None:
    office.queue(*samples.fresh(1))
    desk = sit_down("ada")
    first = desk.await_item()
    desk.page.context.clear_cookies()
    desk.edit_response(" Kept.")
    desk.await_words(".notice", "Your session has ended")
    desk.sign_in_again(office.tokens["ada"])
    desk.await_item(first)
    desk.edit_response(" And saved.")
    desk.await_saved()
    assert desk.text("response").endswith("Kept. And saved.")


def test_what_was_said_before_is_shown_and_cannot_be_edited(office: Office, sit_down: SitDown) -> None:
    hostile = "<img src=x onerror='window.stolen=1'> \u202eWhere is **it**?"
    said = (ContextMessage(Role.USER, hostile), ContextMessage(Role.ASSISTANT, "To the west, matey!"))
    call = ContextMessage(Role.ASSISTANT, "", (ToolCall("map", '{"place": "tavern"}'),))
    context = Context("You are a pirate.", said, (call, ContextMessage(Role.TOOL, "beside it")))
    raw = InstructionPair("And the tavern, where is that one?", "", "Arr, right beside it.", context)
    office.queue(samples.simple(raw))
    desk = sit_down("ada")
    desk.await_item(raw.instruction)
    before = desk.page.locator("details.background")
    expect(before.locator("summary")).to_contain_text("Said before: 5 messages")
    speakers = before.locator(".said h3")
    step = ", on the way to the answer"
    expect(speakers).to_have_text(["System", "User", "Assistant", f"Assistant{step}", f"Tool{step}"])
    expect(before.locator(".said.user")).to_contain_text("<img src=x")
    expect(before.locator(".hidden-char")).to_have_text(["U+202E"])
    expect(before.locator(".call")).to_have_text('map({"place": "tavern"})')
    expect(before.locator("img, textarea, input, [contenteditable]")).to_have_count(0)
    assert desk.text("input") == ""
    before.locator("summary").click()
    expect(before.locator(".chat")).to_be_hidden()
    assert desk.errors == []
