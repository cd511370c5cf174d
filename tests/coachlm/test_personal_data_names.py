"""The level `names`: persons, addresses and organisations, one placeholder for one person."""

import time

import pytest

from coachlm.errors import SettingsError
from coachlm.machine.extras import NAMES
from coachlm.text.personal_data import Redactor, check_level
from coachlm.text.personal_data.names.address_forms import find_addresses
from coachlm.text.personal_data.names.rules import find_organisations, find_persons
from coachlm.text.personal_data.names.windows import windows_of

needs_the_extra = pytest.mark.skipif(bool(NAMES.missing()), reason="the extra `names` is not installed")


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(level="names")


@needs_the_extra
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Rubija.", "My name is <PERSON_1>."),
        ("Yesterday Ingrid Halvorsen told me so.", "Yesterday <PERSON_1> told me so."),
        ("Ship it to 220 Old Mill Road, please.", "Ship it to <ADDRESS_1>, please."),
        ("Ich wohne in der Lindenstraße 17.", "Ich wohne in der <ADDRESS_1>."),
        ("I work for Northwind Logistics Ltd now.", "I work for <ORGANISATION_1> now."),
        ("The capital of France is Paris.", "The capital of France is Paris."),
        ("```python\nAda = Person('Ada Lovelace')\n```", "```python\nAda = Person('Ada Lovelace')\n```"),
        ("models.CharField(max_length=20)", "models.CharField(max_length=20)"),
    ],
)
def test_names_in_prose(redactor: Redactor, text: str, expected: str) -> None:
    assert redactor.redact([text]).texts == (expected,)


@needs_the_extra
def test_a_person_has_one_placeholder_throughout_a_conversation(redactor: Redactor) -> None:
    texts = [
        "Write to Kavita Deshmukh, she is my manager.",
        "Dear Kavita,",
        "Ms. Deshmukh answered; Omar Haddad did not.",
    ]
    result = redactor.redact(texts)
    assert result.texts == (
        "Write to <PERSON_1>, she is my manager.",
        "Dear <PERSON_1>,",
        "Ms. <PERSON_1> answered; <PERSON_2> did not.",
    )
    assert result.counts == {"PERSON": 4}


@needs_the_extra
def test_what_is_read_ahead_comes_to_the_same(redactor: Redactor) -> None:
    conversations = [["Hi Grace Whitfield,", "Grace is out."], ["I spoke with Farid Haddad.", ""]]
    one_by_one = [redactor.redact(texts) for texts in conversations]
    redactor.read_ahead(conversations)
    assert [redactor.redact(texts) for texts in conversations] == one_by_one


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coachlm.machine.extras._is_there", lambda package: False)
    with pytest.raises(SettingsError, match=r"pip install '\.\[names\]'.*COACHLM_PERSONAL_DATA"):
        check_level("names")
    check_level("forms+ids")


@pytest.mark.parametrize(
    "unit", ["Ab ", "Ab, ", "Ab and ", "Ab A. ", "Mr ", "Name: a ", "1 Ab St", "> ", "Ab. ", "\n", "a."]
)
def test_rules_take_linear_time(unit: str) -> None:
    text = (unit * 30_000)[:30_000]
    start = time.process_time()
    for find in (find_persons, find_organisations, find_addresses, windows_of):
        list(find(text))
    assert time.process_time() - start < 5  # 0.1 s on an idle core
