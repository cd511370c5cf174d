"""The desk over HTTP, with the real client: claim to submit, and every way in which a text could get lost."""

import pytest

from api.client.client import LateError, MissingError, RefusedInputError, StaleError, new_key
from api.models import PairText
from coachlm.desk.post_edit import Decision
from coachlm.desk.rubric import Dimension, Scores
from coachlm.pairs import ExcludeReason, InstructionPair
from tests.api.service import CREATIVE, QA, Service

FINAL = InstructionPair("Name the colour of this fruit.", "", "Red, mostly.")


def test_from_claim_to_approval(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga = service.client("ada"), service.client("olga")
    item = ada.desk.claim()
    assert item is not None
    assert (item.pair_id, item.task_class) == (pair_id, QA)
    assert item.revision is not None
    assert item.text == item.revision.revised.pair()
    assert [held.token for held in ada.desk.held()] == [item.token]
    ada.desk.save_draft(item, FINAL, "half way")
    [held] = ada.desk.held()
    assert held.draft is not None
    assert held.text == FINAL
    assert ada.desk.heartbeat(item.token) >= item.expires_at
    receipt = ada.desk.submit(item, FINAL, key=new_key(), scores=Scores(95, 96), comment="done")
    assert receipt.pair_id == pair_id
    [review] = olga.reviews.waiting()
    assert review.post_edit is not None
    assert review.post_edit.final == PairText.of(FINAL)
    assert review.post_edit.scores is not None
    assert review.post_edit.scores.scores() == Scores(95, 96)
    olga.reviews.decide(review, Decision.APPROVE)
    state = olga.pairs.state(pair_id)
    assert (state.status, state.final) == ("approved", PairText.of(FINAL))
    assert [entry.kind for entry in olga.pairs.history(pair_id)][:2] == ["raw", "revision"]


def test_nothing_waits(service: Service):
    service.fill([CREATIVE])
    assert service.client("ada").desk.claim() is None


def test_a_retried_submit_gives_the_same_receipt(service: Service):
    service.fill([QA])
    ada, key = service.client("ada"), new_key()
    item = ada.desk.claim()
    assert item is not None
    first = ada.desk.submit(item, FINAL, key=key)
    assert ada.desk.submit(item, FINAL, key=key) == first


def test_a_late_submit_is_409_and_its_text_kept(service: Service):
    [pair_id] = service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    ada.desk.release(item)
    with pytest.raises(LateError) as refused:
        ada.desk.submit(item, FINAL, key=new_key())
    assert refused.value.text_kept
    assert refused.value.problem is not None
    assert refused.value.problem.code == "late"
    assert [entry.text for entry in ada.pairs.drafts(pair_id)] == [PairText.of(FINAL)]
    again = ada.desk.claim()
    assert again is not None
    assert again.text == FINAL


def test_a_foreign_submit_is_409_and_its_text_kept(service: Service):
    [pair_id] = service.fill([QA])
    ada, ben = service.client("ada"), service.client("ben")
    item = ada.desk.claim()
    assert item is not None
    with pytest.raises(LateError) as refused:
        ben.desk.submit(item, FINAL, key=new_key())
    assert refused.value.text_kept
    assert [entry.text for entry in ben.pairs.drafts(pair_id)] == [PairText.of(FINAL)]
    assert ada.pairs.drafts(pair_id) == []
    assert ada.desk.submit(item, FINAL, key=new_key()).pair_id == pair_id


def test_a_stale_submit_is_412_and_its_text_kept(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga = service.client("ada"), service.client("olga")
    item = ada.desk.claim()
    assert item is not None
    olga.pairs.correct_class(pair_id, CREATIVE, item.version)
    with pytest.raises(StaleError) as refused:
        ada.desk.submit(item, FINAL, key=new_key())
    assert refused.value.text_kept
    assert refused.value.problem is not None
    assert refused.value.problem.status == 412


def test_a_late_draft_is_kept_too(service: Service):
    [pair_id] = service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    ada.desk.skip(item)
    with pytest.raises(LateError) as refused:
        ada.desk.save_draft(item, FINAL)
    assert refused.value.text_kept
    assert [entry.text for entry in ada.pairs.drafts(pair_id)] == [PairText.of(FINAL)]


def test_a_submit_of_an_unknown_pair_promises_nothing(service: Service):
    service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    with pytest.raises(MissingError) as refused:
        ada.desk.submit(item.model_copy(update={"pair_id": "0" * 32}), FINAL, key=new_key())
    assert not refused.value.text_kept


def test_an_empty_text_is_refused_and_kept(service: Service):
    service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    with pytest.raises(RefusedInputError) as refused:
        ada.desk.submit(item, InstructionPair("Half an instruction", "", " "), key=new_key())
    assert refused.value.text_kept
    [held] = ada.desk.held()
    assert held.text.instruction == "Half an instruction"


def test_a_submit_is_taken_back_and_sent_again(service: Service):
    [pair_id] = service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    back = ada.desk.undo(ada.desk.submit(item, FINAL, key=new_key()))
    assert (back.pair_id, back.text) == (pair_id, FINAL)
    assert ada.desk.submit(back, FINAL, key=new_key()).pair_id == pair_id


def test_a_returned_pair_comes_back_to_its_annotator_with_the_comment(service: Service):
    service.fill([QA])
    ada, ben, olga = (service.client(name) for name in ("ada", "ben", "olga"))
    item = ada.desk.claim()
    assert item is not None
    ada.desk.submit(item, FINAL, key=new_key())
    [waiting] = olga.reviews.waiting()
    olga.reviews.decide(waiting, Decision.RETURN, comment="Which shade?")
    assert ben.desk.claim() is None
    again = ada.desk.claim()
    assert again is not None
    assert again.owner_comment == "Which shade?"
    assert again.last_edit is not None
    assert again.last_edit.final == PairText.of(FINAL)


def test_an_item_sent_to_the_owner_waits_there(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga = service.client("ada"), service.client("olga")
    item = ada.desk.claim()
    assert item is not None
    ada.desk.send_to_owner(item, "Is this medicine?")
    assert ada.desk.held() == []
    [question] = olga.reviews.waiting()
    assert (question.pair_id, question.post_edit, question.comment) == (pair_id, None, "Is this medicine?")


def test_excluded_and_restored(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga = service.client("ada"), service.client("olga")
    item = ada.desk.claim()
    assert item is not None
    after = ada.desk.exclude(pair_id, item.version, ExcludeReason.SAFETY, "a threat")
    page = olga.pairs.exclusions(reason=ExcludeReason.SAFETY)
    assert [(pair.pair_id, pair.detail) for pair in page.pairs] == [(pair_id, "a threat")]
    assert page.next is None
    assert olga.pairs.restore(pair_id, after.version).version == after.version + 1
    assert olga.pairs.exclusions().pairs == ()


def test_pages_of_exclusions_follow_one_another(service: Service):
    ids = service.fill([QA] * 5)
    olga = service.client("olga")
    for pair_id in ids:
        olga.desk.exclude(pair_id, olga.pairs.state(pair_id).version, ExcludeReason.MANUAL)
    found, after = [], None
    while True:
        page = olga.pairs.exclusions(limit=2, after=after)
        found += [pair.pair_id for pair in page.pairs]
        if (after := page.next) is None:
            break
    assert found == ids


def test_scores_out_of_range_name_the_range(service: Service):
    service.fill([QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    body = {
        "pair_id": item.pair_id,
        "token": item.token,
        "version": item.version,
        "idempotency_key": "k",
        "final": PairText.of(FINAL).model_dump(),
        "scores": {"instruction": 95, "response": 95, "flaws": [Dimension.SAFETY]},
    }
    answer = service.request("POST", "/v1/queue/submit", "ada", json=body)
    assert answer.status_code == 422
    assert "0–40" in answer.json()["detail"]


def test_the_rubric_with_its_caps(lite: Service):
    rubric = lite.client("ada").desk.rubric()
    assert len(rubric.criteria) == len(Dimension)
    caps = {(cap.part, cap.level): (cap.lowest, cap.highest) for cap in rubric.ranges}
    assert caps[("response", "red_line")] == (0, 40)
    assert caps[("response", "basic")] == (0, 80)
    assert caps[("response", "advanced")] == caps[("response", None)] == (0, 100)
    assert caps[("instruction", "basic")] == (0, 80)
    assert ("instruction", "red_line") not in caps


def test_a_corrected_class_moves_the_item_to_the_other_unit(service: Service):
    [pair_id] = service.fill([QA])
    olga, cleo = service.client("olga"), service.client("cleo")
    olga.pairs.correct_class(pair_id, CREATIVE, olga.pairs.state(pair_id).version)
    item = cleo.desk.claim()
    assert item is not None
    assert item.pair_id == pair_id


def test_priorities_decide_who_comes_first(service: Service):
    ids = service.fill([QA] * 3)
    ada, olga = service.client("ada"), service.client("olga")
    assert olga.desk.prioritise([ids[2]], 1) == 1
    item = ada.desk.claim()
    assert item is not None
    assert item.pair_id == ids[2]


def test_what_an_owner_types_is_kept_and_comes_back_with_the_item(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga, root = (service.client(name) for name in ("ada", "olga", "root"))
    item = ada.desk.claim()
    assert item is not None
    ada.desk.submit(item, FINAL, key=new_key())
    [waiting] = olga.reviews.waiting()
    assert waiting.draft is None
    olga.reviews.save_draft(waiting, FINAL, "Only mostly?", writer="a-browser")
    [waiting] = olga.reviews.waiting()
    assert waiting.draft is not None
    assert (waiting.draft.text.pair(), waiting.draft.comment) == (FINAL, "Only mostly?")
    assert (waiting.draft.version, waiting.draft.writer) == (waiting.version, "a-browser")
    root.reviews.decide(waiting, Decision.APPROVE)
    with pytest.raises(StaleError) as late_draft:
        olga.reviews.save_draft(waiting, FINAL, "Late.")
    with pytest.raises(StaleError) as late_decision:
        olga.reviews.decide(waiting, Decision.FIX, FINAL)
    for late in (late_draft, late_decision):
        assert late.value.problem is not None
        assert late.value.problem.text_kept
    assert len(olga.pairs.drafts(pair_id)) == 3


def test_a_decision_that_is_sent_again_counts_once(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga, key = service.client("ada"), service.client("olga"), new_key()
    item = ada.desk.claim()
    assert item is not None
    ada.desk.submit(item, FINAL, key=new_key())
    [waiting] = olga.reviews.waiting()
    first = olga.reviews.decide(waiting, Decision.RETURN, comment="Which red?", key=key)
    assert olga.reviews.decide(waiting, Decision.RETURN, comment="Which red?", key=key) == first
    assert [entry.kind for entry in olga.pairs.history(pair_id)].count("review") == 1
    with pytest.raises(LateError):
        olga.reviews.decide(waiting, Decision.APPROVE, key=key)
