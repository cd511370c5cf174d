"""How much personal data intake replaces is a setting."""

import json
from pathlib import Path

import pytest

from coachlm.errors import SettingsError
from coachlm.machine.extras import NAMES
from coachlm.pairs import Position
from coachlm.settings import load_settings
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import IntakeStages

ASKED = "My SSN is 494-33-0748, mail ada@example.com; I spoke with Ingrid Halvorsen."


def asked_at(**given: object) -> str:
    settings = load_settings(**given)
    stages = IntakeStages(settings, ParseOptions.from_settings(settings), b"salt")
    turns = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": "I have made a note of that for you."},
    ]
    record = RawRecord(Position("chats", 0), json.dumps({"messages": turns}).encode())
    (pair,) = stages.process([record]).pairs
    return pair.sourced.pair.instruction


def test_the_setting_says_how_much_is_replaced() -> None:
    assert asked_at(personal_data="forms") == ASKED.replace("ada@example.com", "<EMAIL_1>")
    assert asked_at(personal_data="forms+ids") == (
        "My SSN is <NATIONAL_ID_1>, mail <EMAIL_1>; I spoke with Ingrid Halvorsen."
    )


@pytest.mark.skipif(bool(NAMES.missing()), reason="the extra `names` is not installed")
def test_names_are_replaced_at_the_last_level() -> None:
    assert asked_at(personal_data="names") == "My SSN is <NATIONAL_ID_1>, mail <EMAIL_1>; I spoke with <PERSON_1>."


def test_a_names_model_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coachlm.machine.extras._is_there", lambda package: True)
    with pytest.raises(SettingsError, match=r"COACHLM_NAMES_MODEL has to be a folder with config\.json"):
        asked_at(personal_data="names", names_model=str(tmp_path))
