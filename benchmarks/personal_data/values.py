"""Made-up personal data in sentences of our own, and what only resembles it: the material of `personal_data`.

Numbers are random within the forms of each kind (right check digits, existing number ranges); none is anybody's on
purpose.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat


@dataclass(frozen=True, slots=True)
class Sample:
    """A sentence, the value in it (empty in a counter-example), its kind and in which form it is written."""

    text: str
    value: str
    kind: str
    form: str


_SENTENCES = {
    "EMAIL": (
        "Please write to {} by Friday.",
        "name,mail\nAda,{}\n",
        '{{"user": {{"email": "{}"}}}}',
        "Contact: <a href='mailto:{0}'>{0}</a>",
        "我的邮箱是{}，谢谢",
        "{}",
    ),
    "PHONE": (
        "You can reach me at {} after six.",
        "Phone: {}",
        '{{"phone": "{}"}}',
        "Meine Telefonnummer ist {}.",
        "| Ada | {} | Berlin |",
        "{}",
    ),
    "CREDIT_CARD": ("Charge it to {} please.", "card_number={}", '{{"pan": "{}"}}', "Visa/Master: {} exp 04/29", "{}"),
    "IBAN": ("Transfer to {} today.", "IBAN: {}", '{{"iban": "{}"}}', "Kontonummer {} bei der Bank", "{}"),
    "IP_ADDRESS": (
        "The login came from {} at night.",
        '{} - - [10/Oct/2023:13:55:36] "GET / HTTP/1.1" 200',
        '{{"client_ip": "{}"}}',
        "Block {}, it scans us.",
        "{}",
    ),
    "SECRET": (
        "Use {} for now.",
        'client = Client("{}")',
        "export VALUE={}",
        "{}",
        "my code prints {}, is that right?",
    ),
}


def positives(generator: random.Random, each: int) -> list[Sample]:
    """`each` samples of every form of every kind."""
    return [_placed(generator, kind, form, make) for kind, form, make in _forms() for _ in range(each)]


def counter_examples(generator: random.Random, each: int) -> list[Sample]:
    return [Sample(make(generator), "", "", form) for form, make in _RESEMBLING.items() for _ in range(each)]


Maker = Callable[[random.Random], str]


def _placed(generator: random.Random, kind: str, form: str, make: Maker) -> Sample:
    written = make(generator)
    value, _, template = written.partition("\0")  # a form that needs its own sentence brings it along
    template = template or generator.choice(_SENTENCES[kind])
    return Sample(template.format(value), value, kind, form)


def _forms() -> Iterator[tuple[str, str, Maker]]:
    for form, make in _EMAILS.items():
        yield "EMAIL", form, make
    for form, make in _PHONES.items():
        yield "PHONE", form, make
    for form, make in _CARDS.items():
        yield "CREDIT_CARD", form, make
    for form, make in _IBANS.items():
        yield "IBAN", form, make
    for form, make in _ADDRESSES.items():
        yield "IP_ADDRESS", form, make
    for form, make in _SECRETS.items():
        yield "SECRET", form, make


def _pick(generator: random.Random, alphabet: str, length: int) -> str:
    return "".join(generator.choices(alphabet, k=length))


_HEX = "0123456789abcdef"
_BASE62 = string.ascii_letters + string.digits
_WORDS = (
    "ada",
    "lin",
    "omar",
    "ines",
    "tom",
    "yuki",
    "vera",
    "noor",
    "finn",
    "lupe",
    "brook",
    "stone",
    "hill",
    "marsh",
)


def _email(generator: random.Random, join: str = ".", end: str = "example.com") -> str:
    return f"{generator.choice(_WORDS)}{join}{generator.choice(_WORDS)}{generator.randint(1, 99)}@{end}"


_EMAILS: dict[str, Maker] = {
    "plain": _email,
    "plus tag": lambda g: _email(g, "+", "mail.example.org"),
    "upper case": lambda g: _email(g).upper(),
    "country": lambda g: _email(g, "_", f"post-{g.choice(_WORDS)}.example.co.uk"),
    "international domain": lambda g: _email(g, ".", "bücher.example"),
    "full width": lambda g: _email(g).replace("@", "＠").replace(".com", "．com"),
    "zero width": lambda g: _email(g).replace("@", "\u200b@"),
    "percent encoded": lambda g: _email(g).replace("@", "%40") + "\0https://example.org/?to={}&x=1",
    "brackets": lambda g: _email(g).replace("@", " [at] ").replace(".com", " [dot] com"),
    "spelled": lambda g: _email(g, "").replace("@", " at ").replace(".com", " dot com"),
}


def _phone(generator: random.Random, regions: str, form: int) -> str:
    """A valid number of one of the regions, in the form that is usual there."""
    while True:
        region = generator.choice(regions.split())
        kind = generator.choice((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE))
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or number.national_number is None:
            continue
        changed = number.national_number - number.national_number % 10_000 + generator.randrange(10_000)
        number = phonenumbers.PhoneNumber(
            number.country_code, changed, italian_leading_zero=number.italian_leading_zero
        )
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, form)


_WORLD = "US GB DE FR IT ES NL SE PL BR MX AR IN CN JP KR AU NZ ZA NG EG TR RU UA IL SA ID TH VN PH"
_ZERO = "GB IE DE AT CH FR BE NL IT AU NZ IN ZA JP"
_PHONES: dict[str, Maker] = {
    "international": lambda g: _phone(g, _WORLD, PhoneNumberFormat.INTERNATIONAL),
    "E.164": lambda g: _phone(g, _WORLD, PhoneNumberFormat.E164),
    "dots": lambda g: _phone(g, _WORLD, PhoneNumberFormat.INTERNATIONAL).replace(" ", ".").replace("-", "."),
    "no-break spaces": lambda g: _phone(g, _WORLD, PhoneNumberFormat.INTERNATIONAL).replace(" ", "\u00a0"),
    "00 prefix": lambda g: _phone(g, _WORLD, PhoneNumberFormat.INTERNATIONAL).replace("+", "00"),
    "US national": lambda g: _phone(g, "US", PhoneNumberFormat.NATIONAL),
    "US dashes": lambda g: f"{g.randint(201, 989)}-555-{g.randint(0, 9999):04d}",
    "national with 0": lambda g: _phone(g, _ZERO, PhoneNumberFormat.NATIONAL),
    "any national, named": lambda g: _phone(g, _WORLD, PhoneNumberFormat.NATIONAL) + "\0My phone number: {}, thanks.",
    "any national, bare": lambda g: _phone(g, "ES PL IN CN BR MX", PhoneNumberFormat.NATIONAL) + "\0Try {} instead.",
}


def _card(generator: random.Random, prefix: str, length: int, groups: tuple[int, ...] = (), gap: str = " ") -> str:
    body = prefix + _pick(generator, string.digits, length - len(prefix) - 1)
    total = sum(sum(divmod(2 * int(d), 10)) if place % 2 == 0 else int(d) for place, d in enumerate(reversed(body)))
    number = body + str(-total % 10)
    pieces, start = [], 0
    for size in groups or (length,):
        pieces.append(number[start : start + size])
        start += size
    return gap.join(pieces)


_CARDS: dict[str, Maker] = {
    "Visa": lambda g: _card(g, "4", 16),
    "Visa, spaces": lambda g: _card(g, "4", 16, (4, 4, 4, 4)),
    "Mastercard, dashes": lambda g: _card(g, g.choice(("51", "55", "2223", "2700")), 16, (4, 4, 4, 4), "-"),
    "American Express": lambda g: _card(g, g.choice(("34", "37")), 15, (4, 6, 5)),
    "Diners": lambda g: _card(g, "36", 14),
    "JCB, no-break spaces": lambda g: _card(g, "3530", 16, (4, 4, 4, 4), "\u00a0"),
    "UnionPay": lambda g: _card(g, "62", 19),
}

_BANKS = {"DE": "n18", "FR": "n23", "ES": "n20", "PL": "n24", "CH": "n17", "SE": "n20", "NO": "n11", "PT": "n21"}
_BANKS |= {"GB": "a4n14", "NL": "a4n10", "IT": "a1n22", "MT": "a4n5c18", "SA": "n2c18", "BR": "n23a1c1"}
_ALPHABETS = {"n": string.digits, "a": string.ascii_uppercase, "c": string.ascii_uppercase + string.digits}


def _iban(generator: random.Random, grouped: str) -> str:
    country = generator.choice(list(_BANKS))
    body = ""
    for part in _BANKS[country].replace("n", " n").replace("a", " a").replace("c", " c").split():
        body += _pick(generator, _ALPHABETS[part[0]], int(part[1:]))
    rest = int("".join(str(int(character, 36)) for character in f"{body}{country}00")) % 97
    number = f"{country}{98 - rest:02d}{body}"
    return grouped.join(number[start : start + 4] for start in range(0, len(number), 4)) if grouped else number


_IBANS: dict[str, Maker] = {
    "one piece": lambda g: _iban(g, ""),
    "spaces": lambda g: _iban(g, " "),
    "dashes": lambda g: _iban(g, "-"),
    "lower case": lambda g: _iban(g, "").lower(),
}

_ADDRESSES: dict[str, Maker] = {
    "IPv4": lambda g: ".".join(map(str, (g.randint(33, 99), g.randint(33, 255), g.randint(0, 255), g.randint(1, 254)))),
    "IPv4 with port": lambda g: f"81.{g.randint(33, 255)}.7.{g.randint(1, 254)}" + "\0http://{}:8080/x",
    "IPv6": lambda g: "2001:" + ":".join(_pick(g, _HEX, 4) for _ in range(7)),
    "IPv6, short": lambda g: f"2a02:{g.randint(1, 9999)}::{g.randint(1, 9999)}",
}


def _token(prefix: str, length: int, alphabet: str = _BASE62) -> Maker:
    return lambda generator: prefix + _pick(generator, alphabet, length)


def _jwt(generator: random.Random) -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": _pick(generator, _HEX, 12), "iat": generator.randrange(10**9)}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, _pick(generator, _BASE62 + "-_", 43)])


_SECRETS: dict[str, Maker] = {
    "OpenAI": lambda g: f"sk-{_pick(g, _BASE62, 20)}T3BlbkFJ{_pick(g, _BASE62, 20)}",
    "OpenAI project": lambda g: f"sk-proj-{_pick(g, _BASE62, 20)}T3BlbkFJ{_pick(g, _BASE62, 20)}",
    "Anthropic": _token("sk-ant-api03-", 80),
    "AWS key id": _token("AKIA", 16, string.ascii_uppercase + "234567"),
    "GitHub": _token("ghp_", 36),
    "GitLab": _token("glpat-", 20),
    "Slack": lambda g: f"xoxb-{g.randrange(10**11, 10**12)}-{g.randrange(10**12, 10**13)}-{_pick(g, _BASE62, 24)}",
    "Google": _token("AIza", 35),
    "Stripe": _token("sk_live_", 24),
    "Hugging Face": _token("hf_", 34, string.ascii_letters),
    "JWT": _jwt,
    "bearer": lambda g: _pick(g, _BASE62, 32) + "\0curl -H 'Authorization: Bearer {}' https://example.org",
    "api_key=": lambda g: _pick(g, _HEX, 32) + "\0api_key = '{}'",
    "aws_secret": lambda g: _pick(g, _BASE62 + "/+", 40) + "\0aws_secret_access_key={}",
    "password:": lambda g: _pick(g, string.ascii_lowercase, 5) + _pick(g, "!#$&*", 1) + "X7" + "\0password: {}",
    "password is": lambda g: _pick(g, string.ascii_letters, 7) + _pick(g, string.digits, 3) + "\0My password is {}",
    "URL": lambda g: _pick(g, _BASE62, 12) + "\0postgres://ada:{}@db.example.org:5432/x",
    "private key": lambda g: "\n".join(
        ("-----BEGIN PRIVATE KEY-----", _pick(g, _BASE62 + "+/", 128), "-----END PRIVATE KEY-----")
    ),
}

_RESEMBLING: dict[str, Maker] = {
    "date and time": lambda g: (
        f"on 20{g.randint(10, 29)}-0{g.randint(1, 9)}-{g.randint(10, 28)} 12:{g.randint(10, 59)}:07"
    ),
    "date range": lambda g: f"0{g.randint(1, 9)}/20{g.randint(10, 20)} - 1{g.randint(0, 2)}/20{g.randint(21, 29)}",
    "epoch": lambda g: f"created: {g.randint(1_500_000_000, 1_700_000_000)}, {g.randint(10**12, 2 * 10**12)} ms",
    "ISBN": lambda g: f"ISBN 978-{g.randint(0, 9)}-{g.randint(10, 99)}-{g.randint(10**5, 10**6 - 1)}-{g.randint(0, 9)}",
    "version": lambda g: (
        f"upgrade to version {g.randint(0, 99)}.{g.randint(0, 99)}.{g.randint(0, 99)}.{g.randint(0, 99)}"
    ),
    "user agent": lambda g: f"Chrome/{g.randint(60, 130)}.0.{g.randint(0, 255)}.{g.randint(0, 255)} Safari/537.36",
    "arithmetic": lambda g: f"{g.randint(10**6, 10**9)} + {g.randint(10**6, 10**9)} - {g.randint(10**6, 10**9)} = ?",
    "decimals": lambda g: f"[{g.random():.8f}, {-g.random():.7f}] {g.random() * 100:.6f} {g.random() * 1000:.6f}",
    "coordinates": lambda g: f"lat {g.uniform(-90, 90):.6f}, lon {g.uniform(-180, 180):.6f}",
    "order id": lambda g: f"order #{g.randint(10**9, 10**10 - 1)}, ref {g.randint(1000, 9999)}-{g.randint(1000, 9999)}",
    "sixteen digits": lambda g: f"id {g.randint(10**15, 10**16 - 1)}",
    "UUID": lambda g: "-".join(_pick(g, _HEX, size) for size in (8, 4, 4, 4, 12)),
    "hash": lambda g: f"commit {_pick(g, _HEX, 40)}, sha256 {_pick(g, _HEX, 64)}",
    "private address": lambda g: f"bind 192.168.{g.randint(0, 255)}.{g.randint(1, 254)}:80, 127.0.0.1, 255.255.255.0",
    "scope in code": lambda g: f"std::{g.choice(_WORDS)}::{_pick(g, 'abcdef', 3)}, xs[::-1], 12:{g.randint(10, 59)}:07",
    "MAC address": lambda g: ":".join(_pick(g, _HEX, 2) for _ in range(6)),
    "decorator, asset": lambda g: f"@{g.choice(_WORDS)}.route('/'), logo@{g.randint(2, 3)}x.png, a @ b.T",
    "package": lambda g: f"npm i @{g.choice(_WORDS)}/core@{g.randint(1, 20)}.{g.randint(0, 9)}.1",
    "code without secret": lambda g: (
        f"password = form['{g.choice(_WORDS)}'], api_key = os.environ['KEY_{g.randint(1, 99)}']"
    ),
    "numbers in a row": lambda g: " ".join(str(g.randint(1, 999)) for _ in range(12)),
}
