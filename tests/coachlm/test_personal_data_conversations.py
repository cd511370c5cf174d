"""Conversations: one placeholder for one value, nothing left, nothing lost, in linear time; and hashed identifiers."""

import gzip
import json
import re
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coachlm.errors import SettingsError
from coachlm.text.personal_data import Kind, Redactor, hash_identifier

REDACTOR = Redactor()
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too


def redacted(*texts: str) -> str:
    return " | ".join(REDACTOR.redact(texts).texts)


def test_a_value_has_one_placeholder_throughout_a_conversation() -> None:
    result = REDACTOR.redact(
        [
            "ada@example.com, (415) 555-2671",
            "bo@example.com",
            "ADA@example.com, +1 415.555.2671, 4111-1111-1111-1111",
            "",
        ]
    )
    assert result.texts == ("<EMAIL_1>, <PHONE_1>", "<EMAIL_2>", "<EMAIL_1>, <PHONE_1>, <CREDIT_CARD_1>", "")
    assert result.counts == {"EMAIL": 3, "PHONE": 2, "CREDIT_CARD": 1}


def test_a_conversation_knows_nothing_of_another() -> None:
    assert redacted("ada@example.com") == redacted("bo@example.com") == "<EMAIL_1>"


def test_what_one_place_gives_away_is_replaced_in_every_other() -> None:
    texts = ["I tried x7Kq!92p but it fails", "Is x7Kq!92p your password?", "yes, my password is x7Kq!92p"]
    assert redacted(*texts) == (
        "I tried <SECRET_1> but it fails | Is <SECRET_1> your password? | yes, my password is <SECRET_1>"
    )


def test_numbers_continue_after_the_placeholders_that_are_there() -> None:
    assert redacted("<EMAIL_1> and <PHONE_7>", "ada@example.com, 415-555-2671") == (
        "<EMAIL_1> and <PHONE_7> | <EMAIL_2>, <PHONE_8>"
    )
    assert redacted("<EMAIL_99999999999999999999> ada@example.com") == "<EMAIL_99999999999999999999> <EMAIL_1>"


def test_a_placeholder_is_never_taken_apart() -> None:
    assert redacted("password: EMAIL_1 and <EMAIL_1>") == "password: <SECRET_1> and <EMAIL_1>"


def test_invisible_characters_outside_a_value_stay() -> None:
    assert redacted("a\u200bb ada@example.com\u200b c") == "a\u200bb <EMAIL_1>\u200b c"


VALUES = {
    Kind.EMAIL: "ada@example.com",
    Kind.PHONE: "+1 415 555 2671",
    Kind.CREDIT_CARD: "4111 1111 1111 1111",
    Kind.IBAN: "DE89 3704 0044 0532 0130 00",
    Kind.IP_ADDRESS: "203.0.113.9",
    Kind.SECRET: "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dFgHiJ",
}
PIECES = st.one_of(
    ANY_TEXT,
    st.sampled_from([*VALUES.values(), "password: ", "phone ", "<EMAIL_1>", "@", "+", "0", "://u:p7x"]),
)
MIXED = st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(MIXED, max_size=4))
@example(["password: <SECRET_1>x7"])
def test_redacting_again_changes_nothing(texts: list[str]) -> None:
    once = REDACTOR.redact(texts)
    assert len(once.texts) == len(texts)
    assert REDACTOR.redact(once.texts).texts == once.texts
    assert set(once.counts) <= set(Kind)
    assert all(count > 0 for count in once.counts.values())


@settings(max_examples=200)
@given(st.sampled_from(sorted(VALUES)), ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_value_remains(kind: Kind, before: str, after: str, other: str) -> None:
    value = VALUES[kind]
    result = REDACTOR.redact([f"{before} | {value} | {after}", other])
    assert not any(value in text for text in result.texts)
    assert result.counts[kind] >= 1


@given(st.lists(st.text(st.characters(exclude_characters="@%0123456789٠", exclude_categories=["Nd", "No"]))))
def test_texts_without_candidates_come_back_as_they_are(texts: list[str]) -> None:
    result = REDACTOR.redact(texts)
    if not any(mark in text for text in texts for mark in ("hf_", "PRIVATE KEY", "dot", "at]", "at)")):
        assert result.texts == tuple(texts)
        assert all(new is old for new, old in zip(result.texts, texts, strict=True))
        assert result.counts == {}


HOSTILE = {
    "digits": "1",
    "groups of digits": "123 4567 ",
    "at signs": "@",
    "dotted quads": "1.1.1.1",
    "quads": "1.1.1.1 ",
    "colons": "2001:",
    "key prefixes": "sk-",
    "token prefixes": "eyJa.",
    "long local parts": "a" * 64 + "@",
    "domains": "@a.a.a.a",
    "pluses": "+1 ",
    "zeros": "020 79 ",
    "calls": "call me 1 ",
    "assignments": "password=",
    "begins": "-----BEGIN PRIVATE KEY-----",
    "urls": "a://a:",
    "ibans": "DE11 ",
    "spelled": "a at b dot ",
    "invisible": "\u200b",
    "placeholders": "<EMAIL_1>",
    "addresses": "a@b.co ",
    "phones": "+1 415 555 2671 ",
}


@pytest.mark.slow
@pytest.mark.timeout(60)  # quadratic time would take hours
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_long_hostile_texts_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert len(REDACTOR.redact([f"{text} a@b.co {text[:1000]}"]).texts) == 1


def test_identifiers_are_hashed_with_the_salt() -> None:
    digest = hash_identifier("user-42", b"salt")
    assert re.fullmatch("[0-9a-f]{32}", digest)
    assert digest == hash_identifier("user-42", b"salt")
    assert digest == "3328f4609f5d4dcdbe542ccb0568f714"
    assert len({digest, hash_identifier("user-43", b"salt"), hash_identifier("user-42", b"other")}) == 3
    assert hash_identifier("\ud800", b"x" * 100) != hash_identifier("\ud800", b"x" * 101)
    with pytest.raises(SettingsError, match="COACHLM_HASH_SALT"):
        hash_identifier("user-42", b"")


def test_few_real_conversations_hold_any(data_dir: Path) -> None:
    """docs/explanations/personal-data.md counts what is found in them; a rise would be false alarms."""
    with gzip.open(data_dir / "logs" / "sharegpt.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in islice(lines, 200)]
    conversations = [[str(turn.get("value", "")) for turn in record["conversations"]] for record in records]
    results = [REDACTOR.redact(texts) for texts in conversations]
    assert 0 < sum(bool(result.counts) for result in results) <= 10
    assert all(REDACTOR.redact(result.texts).texts == result.texts for result in results)
