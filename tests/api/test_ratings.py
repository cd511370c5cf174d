"""Blind ratings over HTTP: a study from its making to its tables, and nothing tells a rater which text is which."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from api.client.client import ForbiddenError, LateError, MissingError, RefusedInputError, StaleError, new_key
from api.models import RatingTask
from coachlm.desk.ratings import Rating
from coachlm.desk.rubric import Dimension
from coachlm.pairs import InstructionPair
from tests.api.service import CREATIVE, QA, Service
from tests.api.test_roles import MATRIX
from tests.api.test_units import _body as body_for
from tests.storage.factories import make_pair, make_revision

FIRST, SECOND = "zebra-side", "tapir-side"  # words that stand nowhere else
RATERS = ("ada", "ben", "olga")


def make(service: Service, rows: int = 4, by: str = "oscar", **options: Any) -> dict[str, str]:
    """A study of the pairs of the queue and their revisions; text → the name of its version."""
    raw = [make_pair(number) for number in range(rows)]
    sources = {FIRST: raw, SECOND: [make_revision(pair).revised for pair in raw]}
    service.client(by).studies.make("spring", sources, **{"raters": RATERS, "count": rows, **options})
    return {pair.response: name for name, pairs in sources.items() for pair in pairs}


def rate_all(service: Service, name: str, how: Callable[[RatingTask], Rating]) -> None:
    client = service.client(name)
    [study] = client.ratings.studies()
    for place in range(1, study.tasks + 1):
        task = client.ratings.task("spring", place)
        client.ratings.rate(task, how(task), key=new_key())


def test_from_a_study_to_its_tables(service: Service):
    version_of = make(service)
    worth = {FIRST: 60, SECOND: 80}
    for name, more in (("ada", 0), ("ben", 2)):
        rate_all(service, name, lambda task, more=more: Rating(90, worth[version_of[task.text.response]] + more))
    oscar, ada = service.client("oscar"), service.client("ada")
    progress = {each.rater: (each.rated, each.tasks) for each in oscar.studies.all()[0].raters}
    assert progress == {"ada": (8, 8), "ben": (8, 8), "olga": (0, 8)}
    found = oscar.studies.tables("spring")
    response = found.tables["all pairs"]["response"]
    assert response[FIRST].by_rater == {"ada": 60, "ben": 62}
    assert (response[SECOND].average, response[SECOND].scores) == (81, 8)
    gain = found.gains["all pairs"]["response"][SECOND]
    assert gain is not None
    assert (gain.value, gain.low, gain.high) == (20, 20, 20)
    assert found.unrated == {"ada": 0, "ben": 0, "olga": 16}
    agreement = found.alpha["response"]
    assert agreement is not None
    assert 0.9 < agreement < 1
    task = ada.ratings.task("spring", 1)
    assert (task.version, task.rating and task.rating.instruction) == (1, 90)
    ada.ratings.rate(task, Rating(91, 40, frozenset({Dimension.SAFETY}), "who says so?"), key=new_key())
    assert oscar.studies.close("spring").closed_at is not None
    with pytest.raises(LateError, match="closed") as refused:
        ada.ratings.rate(ada.ratings.task("spring", 2), Rating(90, 90), key=new_key())
    assert refused.value.problem is not None
    assert refused.value.problem.code == "closed"
    scores = oscar.studies.scores("spring")
    assert len(scores) == 16
    [changed] = [score for score in scores if score.version == 2]
    assert (changed.rater, changed.response, changed.flaws, changed.comment) == (
        "ada",
        40,
        (Dimension.SAFETY,),
        "who says so?",
    )


def test_retries_and_two_tabs(service: Service):
    make(service)
    ada, key = service.client("ada"), new_key()
    task = ada.ratings.task("spring", 3)
    receipt = ada.ratings.rate(task, Rating(90, 90), key=key)
    assert ada.ratings.rate(task, Rating(90, 90), key=key) == receipt
    with pytest.raises(StaleError, match="rated meanwhile"):
        ada.ratings.rate(task, Rating(80, 90), key=new_key())
    with pytest.raises(LateError, match="another rating"):
        ada.ratings.rate(task, Rating(80, 90), key=key)
    again = ada.ratings.rate(ada.ratings.task("spring", 3), Rating(80, 90), key=new_key())
    assert (again.version, again.rated) == (2, 1)
    [own] = ada.ratings.studies()
    assert (own.study, own.tasks, own.rated, own.next) == ("spring", 8, 1, 1)


GOOD = {"version": 0, "idempotency_key": "k", "instruction": 90, "response": 90}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"response": 101}, "response"),
        ({"response": -1}, "response"),
        ({"response": 88.5}, "response"),
        ({"response": "good"}, "response"),
        ({"response": None}, "response"),
        ({"instruction": True}, "instruction"),
        ({"flaws": ["charm"]}, "flaws"),
        ({"flaws": "correctness"}, "flaws"),
        ({"idempotency_key": ""}, "key"),
        ({"idempotency_key": "k" * 201}, "key"),
        ({"version": -1}, "version"),
        ({"source": "x"}, "source"),
        ({"comment": "c" * 10_001}, "comment"),
        ({"flaws": ["correctness"]}, "response_score 90 is not within 0 to 80"),
        ({"flaws": ["safety", "richness"]}, "within 0 to 40"),
        ({"flaws": ["feasibility"]}, "instruction_score 90 is not within 0 to 80"),
    ],
)
def test_garbage_is_refused_with_a_word(lite: Service, change: dict[str, Any], says: str):
    make(lite)
    answer = lite.request("PUT", "/v1/ratings/spring/1", "ada", json=GOOD | change)
    assert answer.status_code == 422, answer.text
    assert says in answer.text
    assert lite.client("ada").ratings.task("spring", 1).version == 0


def test_hostile_texts_and_comments_go_round_as_they_are(service: Service):
    hostile = "<script>alert(1)</script> \x1b[31m \u202e =1+1 \0 \ud800"
    shown = hostile.replace("\ud800", "\ufffd")
    texts = {"a": [InstructionPair(hostile, "", "one")], "b": [InstructionPair(shown, "", f"two {shown}")]}
    oscar, ben = service.client("oscar"), service.client("ben")
    texts["a"] = [InstructionPair(shown, "", "one")]
    oscar.studies.make("autumn", texts, raters=["ben"], count=1)
    for place in (1, 2):
        task = ben.ratings.task("autumn", place)
        assert task.text.instruction == shown
        ben.ratings.rate(task, Rating(50, 50, comment=shown), key=new_key())
    assert {score.comment for score in oscar.studies.scores("autumn")} == {shown}


@pytest.mark.slow
def test_no_route_tells_a_rater_which_text_is_which(service: Service):
    """Every route of the table with a rater's token, for each text where it takes one: no name of a version, and the
    same answer for the text that is in the queue as for the one that isn't."""
    service.fill([QA] * 4)
    make(service)
    raw = make_pair(1)
    ids = [raw.id, make_revision(raw).revised.id]
    for name in RATERS:
        for method, path in MATRIX:
            answers = [_asked(service, name, method, path, pair_id) for pair_id in ids]
            for answer in answers:
                assert answer.status_code != 500, (method, path, answer.text)
                said = f"{answer.text} {answer.headers}"
                assert not re.search("zebra|tapir|colour 1", said), (name, method, path, said)
            if path in _OWN_HANDS:
                assert answers[0].status_code == answers[1].status_code, (method, path, name)
                texts = [each.json() | {"request_id": ""} if each.content else None for each in answers]
                assert texts[0] == texts[1], (method, path, name)
            elif "{pair_id}" in path or "pair_id" in str(_json(method, path, ids[0])):
                assert [each.status_code for each in answers] == [403, 403], (name, method, path)
                said = {each.json()["detail"].replace(pair_id, "") for each, pair_id in zip(answers, ids, strict=True)}
                assert len(said) == 1, said


def _asked(service: Service, name: str, method: str, path: str, pair_id: str) -> Any:
    url = path.replace("{study}", "spring").replace("{place}", "99")
    return service.request(method, re.sub(r"{\w+}", pair_id, url), name, **_json(method, path, pair_id))


def _json(method: str, path: str, pair_id: str) -> dict[str, Any]:
    if method == "GET" or path == "/v1/studies":
        return {} if method == "GET" else {"json": {"name": "spring"}}
    return {"json": body_for(path, pair_id)}


def test_what_a_rater_reads_is_the_same_for_every_version_but_for_the_text(service: Service):
    version_of = make(service, 6)
    for name in RATERS:
        places: dict[str, list[int]] = {FIRST: [], SECOND: []}
        rest = set()
        for place in range(1, 13):
            answer = service.request("GET", f"/v1/ratings/spring/{place}", name)
            found = answer.json()
            places[version_of[found.pop("text")["response"]]].append(found.pop("place"))
            rest.add((str(found), *(f"{key}: {value}" for key, value in answer.headers.items() if key not in _OWN)))
        assert len(rest) == 1, rest
        assert sorted(places[FIRST] + places[SECOND]) == list(range(1, 13))
        assert max(places[FIRST]) > min(places[SECOND])  # not one version after the other
        assert max(places[SECOND]) > min(places[FIRST])


_OWN_HANDS = {"/v1/reviews/hold", "/v1/reviews/release"}
"""They say nothing of pairs that are not in the caller's hands."""
_OWN = ("date", "content-length", "x-request-id")  # of the moment, of the text, of the request


def test_whoever_made_it_rates_nothing_and_owners_see_their_own(service: Service):
    with pytest.raises(RefusedInputError, match="knows the versions"):
        make(service, by="olga", raters=["olga"])
    with pytest.raises(ForbiddenError, match="unit"):
        make(service, by="olga", raters=["cleo"])
    make(service, by="olga", raters=["ada", "ben"])
    assert [study.name for study in service.client("olga").studies.all()] == ["spring"]
    assert service.client("otto").studies.all() == []
    for call in (service.client("otto").studies.tables, service.client("otto").studies.close):
        with pytest.raises(MissingError, match="no study"):
            call("spring")
    assert service.client("root").studies.tables("spring").sources == (FIRST, SECOND)
    assert service.client("cleo").ratings.studies() == []
    with pytest.raises(MissingError):
        service.client("cleo").ratings.task("spring", 1)


def test_an_owner_who_rates_learns_the_versions_when_it_is_closed(service: Service):
    make(service)
    olga = service.client("olga")
    assert olga.studies.all() == []
    with pytest.raises(MissingError):
        olga.studies.tables("spring")
    service.client("oscar").studies.close("spring")
    with pytest.raises(MissingError):  # it still belongs to another rater
        olga.studies.tables("spring")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": ""}, "name"),
        ({"count": 0}, "count"),
        ({"count": 99}, "99 pairs"),
        ({"sources": []}, "sources"),
        ({"raters": ["nobody"]}, "nobody"),
        ({"seed": -1}, "seed"),
        ({"pair_ids": ["x" * 65]}, "pair_ids"),
        ({"sources": [{"name": "x", "pairs": [{"instruction": "a", "response": "b"}]}] * 2}, "the same name"),
    ],
)
def test_studies_that_can_not_be_made(lite: Service, change: dict[str, Any], says: str):
    pair = {"instruction": "a", "response": "b"}
    good = {
        "name": "next",
        "sources": [{"name": name, "pairs": [pair]} for name in "xy"],
        "raters": ["ada"],
        "count": 1,
    }
    answer = lite.request("POST", "/v1/studies", "oscar", json=good | change)
    assert answer.status_code in (404, 422), answer.text
    assert says in answer.text
    assert lite.client("oscar").studies.all() == []


def test_a_rater_is_handed_out_other_pairs(service: Service):
    service.fill([QA, QA, CREATIVE])
    make(service, 2, raters=["ada"])
    assert service.client("ada").desk.claim() is None
    assert service.client("ben").desk.claim() is not None
