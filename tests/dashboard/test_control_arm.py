"""The control arm in a real browser: worked without the coach's text, and told apart on the people page."""

from collections.abc import Callable

from playwright.sync_api import expect

from coachlm.desk.efficiency import Arm
from evaluation.effect.effect import LEAST_PAIRS
from storage.desk.rules import DeskRules
from storage.desk.sampling import arm_of
from storage.engine.schema import hash_salt
from tests.dashboard import samples
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.servers import Office, claimed, wait_for

SitDown = Callable[..., DeskPage]
_SHARE = 0.5


def test_a_pair_of_the_control_arm_is_worked_from_its_raw_text(office: Office, sit_down: SitDown) -> None:
    office.hire("cora")
    with office.with_settings(control_share=str(_SHARE)):
        sample = _of_arm(office, Arm.CONTROL)
        raw, revision, _ = sample
        (pair_id,) = office.queue(sample)
        desk = sit_down("cora")
        desk.await_item(raw.instruction)
        assert desk.text("response") == raw.response
        desk.await_words(".meta", "without the coach: edit the original")
        assert revision.revised.instruction not in desk.page.locator(".desk").inner_text()
        assert desk.page.locator(".switch button").all_inner_texts() == ["Original"]
        desk.edit_response(" Checked.")
        desk.press("Control+Enter")
        desk.await_words(".empty", "The queue is empty")
        wait_for(lambda: office.pair(pair_id).status == "post_edited")
        desk.page.close()
        with office.client("cora") as cora:
            for number in range(2 * LEAST_PAIRS):
                office.queue(_of_arm(office, Arm.CONTROL if number % 2 else Arm.COACH))
                item = claimed(cora.desk.claim())
                assert (item.revision is None) == bool(number % 2)
                cora.desk.heartbeat(item.token)  # a moment of work
                cora.desk.submit(item, item.text, key=item.token)
    final = office.pair(pair_id).final
    assert final is not None
    assert final.response == f"{raw.response} Checked."
    with office.client("olga") as olga:
        (waiting,) = [item for item in olga.reviews.waiting() if item.pair_id == pair_id]
        found = olga.figures.efficiency()
    assert waiting.revision is not None  # owners see it in both arms
    assert found.whole.control.pairs == LEAST_PAIRS + 1  # nobody else works without the coach

    tab = sit_down("olga", path="/people")
    expect(tab.page.get_by_text("Not enough yet").first).to_be_visible()
    expect(tab.page.get_by_text("pairs / person-day without coach")).to_have_count(0)  # no rate that says too little
    expect(tab.tile("first submits without coach")).to_contain_text(str(found.whole.control.pairs))
    expect(tab.tile("first submits with coach")).to_contain_text(str(found.whole.coach.pairs))
    tab.page.get_by_text("By unit, class, adapter or month").click()
    assert '\n"every class",' in tab.downloaded("groups")


def _of_arm(office: Office, arm: Arm) -> samples.Sample:
    salt, rules = hash_salt(office.database), DeskRules(control_share=_SHARE)
    while arm_of((sample := samples.fresh(1)[0])[0].id, salt, rules) is not arm:
        pass
    return sample
