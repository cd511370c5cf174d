"""Blind ratings in a real browser: by keyboard alone, nothing lost, nothing told; and the page of a study's owner."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Route, WebSocket, expect

from coachlm.desk.ratings import Rating
from coachlm.pairs import InstructionPair
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.rating_study import FIRST, SECOND, given, make, numbers
from tests.dashboard.servers import Office, wait_for

SitDown = Callable[..., DeskPage]


def await_text(tab: DeskPage, place: int) -> str:
    """The response that is shown at this place."""
    expect(tab.page.locator(".meta")).to_contain_text(f"text {place} of")
    return tab.page.locator("[data-field=response]").inner_text()


def type_scores(tab: DeskPage, instruction: str, response: str) -> None:
    """From wherever the page has put the focus."""
    tab.type(instruction)
    tab.press("Tab")
    tab.type(response)


def test_a_study_by_keyboard_alone(office: Office, sit_down: SitDown) -> None:
    study = make(office)
    tab = sit_down("ada", path="/ratings")
    seen = [await_text(tab, 1)]
    type_scores(tab, "90", "95")
    tab.press("Control+Enter")
    seen.append(await_text(tab, 2))
    type_scores(tab, "80", "85")
    tab.press("Alt+Digit9")  # correctness: a cap at 80
    expect(tab.page.locator(".range").nth(1)).to_have_text("0–80")
    tab.press("Control+Enter")
    tab.await_words(".notice", "With these flaws the response scores 0 to 80, not 85.")
    tab.type("75")  # the score that is wrong has the focus, selected
    tab.press("Alt+KeyC")
    tab.type("A river that isn't there?")
    tab.press("Control+Enter")
    seen.append(await_text(tab, 3))
    tab.press("Control+Enter")
    tab.await_words(".notice", "Give the instruction a score")
    tab.press("Backspace")
    assert await_text(tab, 2) == seen[1]
    expect(tab.page.get_by_label("Comment")).to_have_value("A river that isn't there?")
    tab.press("Alt+KeyN")
    for place in range(3, 7):
        text = await_text(tab, place)
        seen = [*seen[: place - 1], text]
        tab.press("Escape")
        tab.page.evaluate("document.activeElement.blur()")
        type_scores(tab, "70", f"6{place}")  # digits find the first score by themselves
        tab.press("Control+Enter")
    tab.await_words(".empty", "All rated")
    tab.await_words(".progress", "6 of 6 rated")
    wait_for(lambda: len(given(office, study)) == 6)
    scores = {
        f"It is the {'Amber' if one.source == FIRST else 'Silver'} {one.pair}": one for one in given(office, study)
    }
    by_place = [scores[text.rpartition(".")[0].rpartition(".")[0]] for text in seen]
    assert [(one.instruction, one.response) for one in by_place] == [
        (90, 95),
        (80, 75),
        (70, 63),
        (70, 64),
        (70, 65),
        (70, 66),
    ]
    assert (by_place[1].flaws, by_place[1].comment) == (("correctness",), "A river that isn't there?")


def test_help_and_back_from_the_end(office: Office, sit_down: SitDown) -> None:
    study = make(office, 1)
    tab = sit_down("ada", path="/ratings")
    for place in (1, 2):
        await_text(tab, place)
        tab.press("Alt+KeyR")
        expect(tab.page.get_by_text("Look for: Grammar, spelling, punctuation.")).to_be_visible(visible=place == 1)
        type_scores(tab, "90", "90")
        tab.press("Control+Enter")
    tab.await_words(".empty", "All rated")
    tab.press("F1")
    tab.await_words("dialog", "Save and go to the next text")
    tab.press("Escape")
    tab.press("Alt+KeyB")
    await_text(tab, 2)
    tab.type("85")
    tab.press("Control+Enter")
    wait_for(lambda: sorted(one.instruction for one in given(office, study)) == [85, 90])
    assert sorted(one.version for one in given(office, study)) == [1, 2]
    tab.page.reload()
    await_text(tab, 2)
    expect(tab.page.get_by_label("Score of the instruction")).to_have_value("85")


def test_what_was_typed_survives_a_reload_and_a_crash(office: Office, sit_down: SitDown) -> None:
    make(office)
    tab = sit_down("ada", path="/ratings")
    await_text(tab, 1)
    type_scores(tab, "90", "90")
    tab.press("Control+Enter")
    text = await_text(tab, 2)
    type_scores(tab, "77", "8")
    tab.press("Alt+Digit7")
    tab.page.reload()
    assert await_text(tab, 2) == text
    expect(tab.page.get_by_label("Score of the instruction")).to_have_value("77")
    expect(tab.page.get_by_label("Score of the response")).to_have_value("8")
    expect(tab.page.locator("[data-dimension=comprehensiveness]")).to_be_checked()
    context, address = tab.page.context, tab.url
    tab.page.close(run_before_unload=False)
    again = DeskPage(context.new_page(), address)
    assert await_text(again, 2) == text
    expect(again.page.get_by_label("Score of the instruction")).to_have_value("77")


def test_ratings_given_while_the_service_is_away_are_sent_later(office: Office, sit_down: SitDown) -> None:
    """Also when the tab was closed meanwhile, and each of them once."""
    study = make(office)
    tab = sit_down("ada", path="/ratings")
    await_text(tab, 1)
    tab.await_fetched(f"ratings/{study.name}/2")
    office.service.stop()
    type_scores(tab, "90", "91")
    tab.press("Control+Enter")
    await_text(tab, 2)
    tab.await_words(".state", "being sent")
    type_scores(tab, "88", "")
    context, address = tab.page.context, tab.url
    tab.page.close()
    office.service.start()
    again = DeskPage(context.new_page(), address)
    await_text(again, 2)
    expect(again.page.get_by_label("Score of the instruction")).to_have_value("88")
    wait_for(lambda: [(one.instruction, one.response, one.version) for one in given(office, study)] == [(90, 91, 1)])


def test_two_raters_get_different_orders(office: Office, sit_down: SitDown) -> None:
    make(office, 8)
    orders = []
    for person in ("ada", "ben"):
        tab = sit_down(person, path="/ratings")
        order = []
        for place in range(1, 17):
            order.append(await_text(tab, place))
            tab.press("Alt+KeyN")
        orders.append(order)
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_nothing_that_a_rater_gets_names_a_version(office: Office, sit_down: SitDown) -> None:
    """The page, every answer to it, and what Streamlit tells it."""
    study = make(office, 2, raters=("ada", "olga"))
    for person in ("ada", "olga"):
        tab = sit_down(person, path="/account")
        expect(tab.page.get_by_text("Signed in")).to_be_visible()
        told: list[str] = []
        tab.page.route("**/coachlm/api/**", partial(_note, told))
        tab.page.on("websocket", partial(_listen, told))
        tab.page.goto(f"{office.pages.url}/ratings")
        for place in range(1, 5):
            await_text(tab, place)
            type_scores(tab, "90", "90")
            tab.press("Control+Enter")
        tab.await_words(".empty", "All rated")
        pages = ["/people", "/studies"] if person == "olga" else ["/people"]
        for path in pages:
            tab.page.goto(office.pages.url + path)
            tab.settle()
        told += [tab.page.content(), tab.page.url, tab.seen()]
        assert any(f"/ratings/{study.name}/1" in one for one in told)
        assert any('"rated":1' in one for one in told)
        assert not [one[:200] for one in told if re.search("zebra|tapir", one)]


def _listen(told: list[str], socket: WebSocket) -> None:
    for way in ("framereceived", "framesent"):
        socket.on(way, lambda frame: told.append(frame if isinstance(frame, str) else frame.decode("utf-8", "replace")))


def _note(told: list[str], route: Route) -> None:
    answer = route.fetch()
    told.append(f"{answer.url} {answer.headers} {answer.text()}")
    route.fulfill(response=answer)


def test_hostile_texts_are_shown_as_texts(office: Office, sit_down: SitDown) -> None:
    hostile = replace(samples.HOSTILE, instruction=f"{samples.HOSTILE.instruction} rated")  # nobody has met it
    with office.client("oscar") as oscar:
        name = f"hostile-{next(numbers)}"
        sources = {FIRST: [hostile], SECOND: [InstructionPair(hostile.instruction, hostile.input, samples.A_LINE)]}
        oscar.studies.make(name, sources, raters=["ada"], count=1)
    tab = sit_down("ada", path="/ratings")
    for place in (1, 2):
        if await_text(tab, place).startswith("w"):
            tab.press("Alt+KeyN" if place == 1 else "Alt+KeyB")
            continue
        shown = tab.page.locator("[data-field=input]")
        for code in ("U+001B", "U+202E", "U+0007"):
            expect(shown.locator(".hidden-char", has_text=code).first).to_be_visible()
        response = tab.page.locator("[data-field=response]")
        for text in ("<b>not bold</b>", "![pixel](https://tracker.example/p.png)", "<iframe", "=HYPERLINK("):
            expect(response).to_contain_text(text)
        inside = tab.page.locator(".desk").evaluate("d => d.querySelectorAll('img, script, iframe, a, b.x').length")
        assert inside == 0
        assert tab.page.evaluate("window.stolen") is None
        break
    else:
        pytest.fail("the hostile text was not shown")


def test_another_tab_and_the_end_of_a_study_are_told(office: Office, sit_down: SitDown) -> None:
    study = make(office)
    tab = sit_down("ada", path="/ratings")
    await_text(tab, 1)
    with office.client("ada") as ada:
        ada.ratings.rate(ada.ratings.task(study.name, 1), Rating(50, 50), key="elsewhere")
    type_scores(tab, "90", "90")
    tab.press("Control+Enter")
    tab.await_words(".notice", "Text 1 was not saved")
    tab.press("Alt+KeyG")
    await_text(tab, 1)
    expect(tab.page.get_by_label("Score of the instruction")).to_have_value("90")
    tab.press("Control+Enter")
    await_text(tab, 2)
    wait_for(lambda: [(one.instruction, one.version) for one in given(office, study)] == [(90, 2)])
    with office.client("oscar") as oscar:
        oscar.studies.close(study.name)
    type_scores(tab, "90", "90")
    tab.press("Control+Enter")
    tab.await_words(".notice", "is closed")
    expect(tab.page.get_by_role("button", name="Save, next")).to_be_disabled()
    assert len(given(office, study)) == 1


def test_a_session_that_ends_goes_on_after_signing_in(office: Office, sit_down: SitDown) -> None:
    study = make(office)
    tab = sit_down("ada", path="/ratings")
    await_text(tab, 1)
    tab.page.context.clear_cookies()
    type_scores(tab, "90", "90")
    tab.press("Control+Enter")
    tab.await_words(".notice", "Your session has ended")
    tab.sign_in_again(office.tokens["ada"])
    wait_for(lambda: len(given(office, study)) == 1)


def test_several_studies_and_none(office: Office, sit_down: SitDown) -> None:
    tab = sit_down("ada", path="/ratings")
    tab.await_words(".empty", "Nothing to rate")
    first, second = make(office, 1), make(office, 2)
    tab.page.reload()
    await_text(tab, 1)
    expect(tab.page.locator(".progress")).to_have_text("0 of 2 rated")
    tab.page.get_by_label("Study").select_option(second.name)
    expect(tab.page.locator(".progress")).to_have_text("0 of 4 rated")
    tab.page.reload()
    expect(tab.page.locator(".progress")).to_have_text("0 of 4 rated")
    assert first.name != second.name
