"""The level `forms+ids`: what is replaced, and 500 look-alikes that never are."""

import random
import time
from pathlib import Path

import pytest

from benchmarks.personal_data.ids import id_samples
from benchmarks.personal_data.values import Sample
from coachlm.text.personal_data import Redactor

REDACTOR = Redactor(level="forms+ids")
LINES = (Path(__file__).parent / "look_alikes.txt").read_text(encoding="utf-8").splitlines()
LOOK_ALIKES = [line.replace("⏎", "\n") for line in LINES]
SAMPLES = list({sample.form + sample.kind: sample for sample in id_samples(random.Random(5), 1)}.values())


def redacted(*texts: str) -> str:
    return " | ".join(REDACTOR.redact(texts).texts)


def test_there_are_five_hundred_look_alikes() -> None:
    assert len(set(LOOK_ALIKES)) >= 500


@pytest.mark.parametrize("level", ["forms", "forms+ids"])
def test_look_alikes_are_never_touched(level: str) -> None:
    redactor = Redactor(level=level)
    changed = {text: redactor.redact([text]).texts[0] for text in LOOK_ALIKES}
    assert [(text, after) for text, after in changed.items() if text != after] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.kind} {sample.form}")
def test_every_form_is_found_from_this_level_on(sample: Sample) -> None:
    assert redacted(sample.text) == sample.text.replace(sample.value, f"<{sample.kind}_1>")
    assert f"<{sample.kind}_" not in Redactor().redact([sample.text]).texts[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Here's my SSN: 846-15-5715", "Here's my SSN: <NATIONAL_ID_1>"),  # no such area, and called so
        ("TCKN 10000000146, 身份证号码：11010519491231002X", "TCKN <NATIONAL_ID_1>, 身份证号码：<NATIONAL_ID_2>"),
        ("DNI 12345678Z, NIE X1234567L", "DNI <NATIONAL_ID_1>, NIE <NATIONAL_ID_2>"),
        ("my driver's license number is 2270-66-1551", "my driver's license number is <DRIVER_LICENSE_1>"),
        ("Kennzeichen B-AB 1234", "Kennzeichen <LICENSE_PLATE_1>"),
        ("IMEI: 490154203237518, IMEI 49-015420-323751-8", "IMEI: <IMEI_1>, IMEI <IMEI_1>"),
        ("1HGBH41JXMN109186 and 1HGBH41J1MN109186", "<VIN_1> and 1HGBH41J1MN109186"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "<CRYPTO_ADDRESS_1>"),
        ("sort code 12-34-56; routing number 021000021", "sort code <BANK_ACCOUNT_1>; routing number <BANK_ACCOUNT_2>"),
        ("Fecha de nacimiento: 12 de marzo de 1985", "Fecha de nacimiento: <BIRTH_DATE_1>"),
        ("She was born on 2/8/1935.", "She was born on <BIRTH_DATE_1>."),
        ("https://twitter.com/ada_lov/status/1", "https://twitter.com/<USER_HANDLE_1>/status/1"),
        ("Home is at 52°31'12\"N 13°24'18\"E", "Home is at <COORDINATES_1>"),
        ('{"latitude": 51.0999, "longitude": 17.0299}', '{"latitude": <COORDINATES_1>}'),
        (
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
            "<PASSPORT_1>",
        ),
    ],
)
def test_documents_devices_and_places(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_an_id_has_one_placeholder_in_a_conversation_however_it_is_written() -> None:
    texts = ["My CPF is 529.982.247-25.", "Is CPF 52998224725 right?", "And 529.982.247-25 is hers too?"]
    assert redacted(*texts) == (
        "My CPF is <NATIONAL_ID_1>. | Is CPF <NATIONAL_ID_1> right? | And <NATIONAL_ID_1> is hers too?"
    )
    once = REDACTOR.redact(texts)
    assert REDACTOR.redact(once.texts).texts == once.texts


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "1",
            "A",
            "1A",
            "a.",
            "1-",
            "aa:",
            "@a.",
            "0x",
            "bc1q",
            "cookie: a=",
            "session=",
            "sid=a",
            "date of birth is ",
        ),
        *("born on 1", "passport number ", "license plate A1 ", "account number 1 ", "twitter @a.", "twitter.com/a"),
        *("ssn 1", "lat 1.1234, lon ", "1.1234, ", "1° 1'", "P<ABC<", "imei 1", "vin 1HGBH41JXM", "123 4567 office\n"),
        *("= 1 ", "1234 5678 9012 ", "123.456.789-", "手机1", "password="),
    ],
)
def test_hostile_texts_of_30_000_characters_take_linear_time(unit: str) -> None:
    """Some 50 ms a finder on an idle core; what grows with the square would take many seconds."""
    text = (unit * 30_000)[:30_000]
    start = time.process_time()
    REDACTOR.redact([text])
    assert time.process_time() - start < 5
