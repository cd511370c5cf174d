"""Nothing of another unit's pairs comes out, on any route and by any detour."""

import re
from typing import Any

import pytest

from api.client.client import ForbiddenError, new_key
from api.models import Item
from coachlm.desk.post_edit import Decision
from coachlm.pairs import ExcludeReason, InstructionPair
from tests.api.service import CREATIVE, QA, Service
from tests.api.test_roles import MATRIX

_SECRET = "the moon is a lantern"


def _claimed(item: Item | None) -> Item:
    assert item is not None
    return item


@pytest.fixture
def creative_pairs(service: Service) -> list[str]:
    """Pairs of the other unit, one in each state: free, excluded, in hands, submitted, returned, asked about."""
    raw = [InstructionPair(f"Write line {number}: {_SECRET}", _SECRET, f"{_SECRET} {number}") for number in range(6)]
    ids = service.fill_with(raw, [CREATIVE] * 6)
    cleo, otto = service.client("cleo"), service.client("otto")
    for number in range(5):
        item = _claimed(cleo.desk.claim())
        if number == 0:
            cleo.desk.exclude(item.pair_id, item.version, ExcludeReason.MANUAL, _SECRET)
        elif number == 1:
            cleo.desk.send_to_owner(item, f"Is it so that {_SECRET}?")
        elif number < 4:
            cleo.desk.submit(item, InstructionPair("Write.", "", f"{_SECRET}!"), key=new_key(), comment=_SECRET)
    waiting = next(one for one in otto.reviews.waiting() if one.post_edit is not None)
    otto.reviews.decide(waiting, Decision.RETURN, comment=_SECRET)
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ada", "olga"])
def test_no_route_gives_anything_of_another_units_pairs(service: Service, creative_pairs: list[str], name: str):
    """Every route of the table, with each pair where it takes one."""
    versions = {pair_id: service.client("root").pairs.state(pair_id).version for pair_id in creative_pairs}
    for method, path in MATRIX:
        for pair_id in creative_pairs if "{pair_id}" in path or method != "GET" else creative_pairs[:1]:
            url = re.sub(r"{\w+}", pair_id, path)
            answer = service.request(method, url, name, **_json(method, path, pair_id, versions[pair_id]))
            assert _SECRET not in answer.text, (method, path)
            if "{pair_id}" in path and not path.endswith("/drafts"):
                assert answer.status_code == 403, (method, path, answer.text)
    assert service.client("root").reviews.waiting()  # nothing was decided


def _json(method: str, path: str, pair_id: str, version: int) -> dict[str, Any]:
    return {} if method == "GET" else {"json": _body(path, pair_id, version)}


def _body(path: str, pair_id: str, version: int = 1) -> dict[str, Any]:
    """As much of what the routes take as makes the request a good one."""
    text = {"instruction": "a", "response": "b"}
    bodies: dict[str, dict[str, Any]] = {
        "draft": {"pair_id": pair_id, "token": "x", "text": text},
        "/v1/reviews/draft": {"pair_id": pair_id, "version": version, "writer": "x", "text": text},
        "submit": {"pair_id": pair_id, "token": "x", "version": version, "idempotency_key": new_key(), "final": text},
        "undo": {"pair_id": pair_id, "post_edit": 1},
        "exclude": {"pair_id": pair_id, "version": version, "reason": "manual"},
        "reviews": {"pair_id": pair_id, "version": version, "decision": "approve"},
        "priority": {"pair_ids": [pair_id], "priority": 1},
        "class": {"task_class": "qa", "version": version},
        "hand-over": {"to": None},
        "restore": {"version": version},
        "reopen": {"version": version},
        "take-back": {"pair_id": pair_id},
        "hold": {"pair_ids": [pair_id]},
        "/v1/reviews/release": {"pair_ids": [pair_id]},
        "studies": {
            "name": "next",
            "pair_ids": [pair_id],
            "count": 1,
            "raters": ["ben"],
            "sources": [{"name": name, "pairs": [text]} for name in "xy"],
        },
    }
    return bodies.get(path) or bodies.get(path.rpartition("/")[2], {"token": "x"})


@pytest.mark.slow
def test_the_routes_that_take_a_pair_are_those_above(service: Service):
    """A new route that names a pair needs a body above, or the test before says nothing about it."""
    document = service.request("GET", "/openapi.json").json()
    named = set()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(schema, {}).get("properties", {})
            if fields.keys() & {"pair_id", "pair_ids"} or ("{pair_id}" in path and "requestBody" in operation):
                named.add(path)
    assert named
    assert {path for path in named if "pair" not in str(_body(path, "pair")) and "{pair_id}" not in path} == set()


def _returned(service: Service, pair_id: str) -> None:
    """Ada has submitted the pair, and its owner has sent it back."""
    ada, olga = service.client("ada"), service.client("olga")
    item = _claimed(ada.desk.claim())
    assert item.pair_id == pair_id
    ada.desk.submit(item, InstructionPair("Name it.", "", "Red."), key=new_key())
    [waiting] = olga.reviews.waiting()
    olga.reviews.decide(waiting, Decision.RETURN, comment="Which one?")


def test_what_was_returned_and_then_moves_to_another_unit_is_that_units(service: Service):
    [pair_id] = service.fill([QA])
    _returned(service, pair_id)
    olga = service.client("olga")
    olga.pairs.correct_class(pair_id, CREATIVE, olga.pairs.state(pair_id).version)
    assert service.client("ada").desk.claim() is None
    assert _claimed(service.client("cleo").desk.claim()).pair_id == pair_id


@pytest.mark.slow
def test_what_moves_to_another_unit_and_is_then_returned_is_that_units(service: Service):
    [pair_id] = service.fill([QA])
    ada, olga, otto = (service.client(name) for name in ("ada", "olga", "otto"))
    item = _claimed(ada.desk.claim())
    ada.desk.submit(item, InstructionPair("Name it.", "", "Red."), key=new_key())
    olga.pairs.correct_class(pair_id, CREATIVE, olga.pairs.state(pair_id).version)
    [waiting] = otto.reviews.waiting()
    otto.reviews.decide(waiting, Decision.RETURN, comment="Which one?")
    assert ada.desk.claim() is None
    assert _claimed(service.client("cleo").desk.claim()).pair_id == pair_id


def test_who_changes_units_gets_nothing_of_the_old_one(service: Service):
    [pair_id] = service.fill([QA])
    _returned(service, pair_id)
    service.client("root").people.change("ada", unit=CREATIVE)
    assert service.client("ada").desk.claim() is None
    assert _claimed(service.client("ben").desk.claim()).pair_id == pair_id


def test_a_pair_is_not_handed_over_to_another_unit(service: Service):
    [pair_id] = service.fill([QA])
    _returned(service, pair_id)
    olga = service.client("olga")
    with pytest.raises(ForbiddenError, match="unit"):
        olga.pairs.hand_over(pair_id, "cleo")
    olga.pairs.hand_over(pair_id, "ben")
    assert _claimed(service.client("ben").desk.claim()).pair_id == pair_id


def test_an_operator_of_a_unit_exports_only_what_they_may(service: Service):
    qa, creative, unknown = service.fill([QA, CREATIVE, None])
    service.services.accounts.change("oscar", unit=QA)
    exported = b"".join(service.client("oscar").exports.read("jsonl", provenance=True)).decode()
    assert qa in exported
    assert unknown in exported
    assert creative not in exported
    service.services.accounts.change("oscar", unit=None)
    assert creative in b"".join(service.client("oscar").exports.read("jsonl", provenance=True)).decode()


@pytest.mark.parametrize(
    "name",
    [
        "ada\u200b",
        "a\r\nX-Y: 1",
        "a\nb",
        "a\u2028b",
        "a/b",
        "../../etc",
        "\x1b[31mEVIL",
        "\u202egnp",
        " ada",
        "ada  lovelace",
        "\uff41da",
        "[bold]x[/bold]",
        "<img src=x>",
        "e\u0301va",
    ],
)
def test_odd_names_are_refused(lite: Service, name: str):
    assert lite.request("POST", "/v1/people", "root", json={"name": name}).status_code == 422


@pytest.mark.parametrize("name", ["ada.lovelace@example.com", "Éva O'Hara-Łuk", "李雷", "ada lovelace", "o_1+x"])
def test_plain_names_are_taken(lite: Service, name: str):
    assert lite.request("POST", "/v1/people", "root", json={"name": name}).status_code == 201
