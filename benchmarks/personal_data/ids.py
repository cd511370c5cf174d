"""Made-up ids, documents, devices, accounts and places with right check digits, in sentences of our own."""

import random
import string
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from importlib import import_module

from benchmarks.personal_data.values import Sample

_DIGITS = string.digits
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_Make = Callable[[random.Random], str]


def id_samples(generator: random.Random, each: int) -> Iterator[Sample]:
    """`each` samples of every form of every kind."""
    for kind, form, make, sentences in _FORMS:
        for _ in range(each):
            value = make(generator)
            yield Sample(generator.choice(sentences).format(value), value, kind, form)


def _pick(generator: random.Random, alphabet: str, length: int) -> str:
    return "".join(generator.choices(alphabet, k=length))


def _shaped(shape: str, check: str = "") -> _Make:
    """`9` any digit, `A` any letter, `D` a day's six digits, anything else itself; drawn until the check holds."""

    def make(generator: random.Random) -> str:
        holds = import_module(f"stdnum.{check}").is_valid if check else lambda _: True
        while True:
            born = date(1950, 1, 1) + timedelta(days=generator.randrange(18_000))
            parts = {"9": _DIGITS, "A": string.ascii_uppercase, "B": "ABCDEFGHJKLMNPRSTUVWXYZ", "X": _DIGITS + "X"}
            text = shape.replace("YYMMDD", born.strftime("%y%m%d")).replace("DDMMYY", born.strftime("%d%m%y"))
            text = text.replace("YYYYMMDD", born.strftime("%Y%m%d")).replace("YY.MM.DD", born.strftime("%y.%m.%d"))
            text = "".join(generator.choice(parts[c]) if c in parts and not c.isdigit() else c for c in text)
            text = "".join(generator.choice(_DIGITS) if c == "#" else c for c in text)
            if holds(text):
                return text

    return make


def _birth(generator: random.Random) -> str:
    born = date(1950, 1, 1) + timedelta(days=generator.randrange(18_000))
    return born.strftime(generator.choice(("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%B %d, %Y", "%d %B %Y", "%m/%d/%y")))


def _vin(generator: random.Random) -> str:
    from coachlm.text.personal_data.ids.devices import check_digit

    body = _pick(generator, "ABCDEFGHJKLMNPRSTUVWXYZ0123456789", 13) + _pick(generator, _DIGITS, 4)
    return body[:8] + check_digit(body) + body[9:]


def _bitcoin(generator: random.Random) -> str:
    raw = generator.choice((b"\0", b"\5")) + generator.randbytes(20)
    raw += sha256(sha256(raw).digest()).digest()[:4]
    number, written = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        written = _BASE58[rest] + written
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + written


def _imei(generator: random.Random) -> str:
    return _shaped("35#############", "luhn")(generator)


def _place(generator: random.Random) -> str:
    return f"{generator.uniform(-80, 80):.5f}, {generator.uniform(-170, 170):.5f}"


def _handle(generator: random.Random) -> str:
    return generator.choice(("ada_{}", "lin.{}x", "the_real_omar{}", "ines-{}", "tom{}")).format(
        generator.randint(2, 99)
    )


_ANYWHERE = ("I think it is {}.", "{}", "| Ada | {} | active |", "Please check {} for me, thanks!")


def _said(*words: str) -> tuple[str, ...]:
    shapes = (
        "My {0} is {1}.",
        "{0}: {1}",
        "{0} {1}, issued last year",
        '{{"{0}": "{1}"}}',
        "The {0} number is {1}, right?",
    )
    return tuple(
        shape.format(word, "{}").replace('{"', '{{"').replace('"}', '"}}') for word in words for shape in shapes
    )


_FORMS: tuple[tuple[str, str, _Make, tuple[str, ...]], ...] = (
    ("NATIONAL_ID", "US SSN", _shaped("###-##-####", "us.ssn"), (*_ANYWHERE, *_said("SSN", "social security"))),
    ("NATIONAL_ID", "US SSN, nine digits", _shaped("#########", "us.ssn"), _said("SSN", "social security")),
    ("NATIONAL_ID", "UK NINO", _shaped("BB######C"), _said("national insurance", "NINO")),
    ("NATIONAL_ID", "UK NINO, groups", _shaped("JE ## ## ## C"), _ANYWHERE),
    ("NATIONAL_ID", "ES NIE", _shaped("Y#######A", "es.nie"), (*_ANYWHERE, *_said("NIE"))),
    ("NATIONAL_ID", "ES DNI", _shaped("########A", "es.dni"), _said("DNI")),
    ("NATIONAL_ID", "BR CPF", _shaped("###.###.###-##", "br.cpf"), (*_ANYWHERE, *_said("CPF"))),
    ("NATIONAL_ID", "IN Aadhaar", _shaped("4### #### ####", "in_.aadhaar"), (*_ANYWHERE, *_said("Aadhaar"))),
    ("NATIONAL_ID", "IN PAN", _shaped("AAAPA####A", "in_.pan"), (*_ANYWHERE, *_said("PAN card"))),
    ("NATIONAL_ID", "PL PESEL", _shaped("YYMMDD#####", "pl.pesel"), (*_said("PESEL"), "Mój PESEL to {}.")),
    (
        "NATIONAL_ID",
        "DE Steuer-ID",
        _shaped("###########", "de.idnr"),
        (*_said("Steuer-ID"), "Meine Steuer-ID ist {}."),
    ),
    ("NATIONAL_ID", "FR NIR", _shaped("1850#75########", "fr.nir"), _ANYWHERE),
    ("NATIONAL_ID", "SE personnummer", _shaped("YYMMDD-####", "se.personnummer"), _ANYWHERE),
    ("NATIONAL_ID", "BE national number", _shaped("YY.MM.DD-###.##", "be.nn"), _ANYWHERE),
    ("NATIONAL_ID", "CH AHV", _shaped("756.####.####.##", "ch.ssn"), _ANYWHERE),
    ("NATIONAL_ID", "KR RRN", _shaped("YYMMDD-1######", "kr.rrn"), _ANYWHERE),
    ("NATIONAL_ID", "NL BSN", _shaped("#########", "nl.bsn"), (*_said("BSN"), "Mijn burgerservicenummer is {}.")),
    ("NATIONAL_ID", "CA SIN", _shaped("###-###-###", "ca.sin"), _said("social insurance")),
    ("PASSPORT", "digits", _shaped("5########"), (*_said("passport"), "Reisepass Nr. {}", "Mi pasaporte es {}.")),
    ("PASSPORT", "letters", _shaped("C0#X##T##"), _said("passport")),
    ("DRIVER_LICENSE", "any", _shaped("A#######"), _said("driver's license", "driving licence")),
    ("LICENSE_PLATE", "any", _shaped("7AAA###"), (*_said("license plate", "number plate"), "Kennzeichen {}")),
    ("BIRTH_DATE", "any", _birth, (*_said("date of birth", "DOB"), "I was born on {}.", "My birthday is {}.")),
    ("MAC_ADDRESS", "colons", lambda g: ":".join(_pick(g, "0123456789abcdef", 2) for _ in range(6)), _ANYWHERE),
    ("IMEI", "any", _imei, _said("IMEI")),
    ("VIN", "any", _vin, (*_ANYWHERE, *_said("VIN"))),
    ("CRYPTO_ADDRESS", "Bitcoin", _bitcoin, _ANYWHERE),
    ("CRYPTO_ADDRESS", "Ethereum", lambda g: "0x" + _pick(g, "0123456789abcdefABCDEF", 40), _ANYWHERE),
    ("BANK_ACCOUNT", "any", _shaped("########"), (*_said("account number", "bank account"), "Kontonummer {}")),
    ("USER_HANDLE", "any", _handle, ("My Twitter is {}.", "username: {}", "instagram.com/{}", "Discord handle: {}")),
    ("COORDINATES", "any", _place, ("My coordinates are {}.", "GPS {}", "my location: {}", "https://m.example/?q={}")),
)
