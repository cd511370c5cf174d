"""Personal data: what is replaced, kind by kind, and what must survive."""

import pytest

from coachlm.errors import SettingsError
from coachlm.text.personal_data import Redactor

REDACTOR = Redactor()
KEY = "MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAq7BFUpkGp3+LQmlQ\nYx2eqzDV+xeG8kx/sQFV18S5JhzGeIJNA72wSeuk"


def redacted(*texts: str) -> str:
    return " | ".join(REDACTOR.redact(texts).texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to Ada.Byron+math@post.example.co.uk.", "Write to <EMAIL_1>."),
        ("<ada@example.com>, 'bo@example.com'", "<<EMAIL_1>>, '<EMAIL_2>'"),
        ("[ada@example.com](mailto:ada@example.com)", "[<EMAIL_1>](mailto:<EMAIL_1>)"),
        ("https://example.org/?to=ada%40example.com&x=1", "https://example.org/?to=<EMAIL_1>&x=1"),
        ("mein Konto: jürgen@bücher.example", "mein Konto: <EMAIL_1>"),
        ("请联系ada@example.com谢谢", "请联系<EMAIL_1>谢谢"),
        ("ada＠example．com", "<EMAIL_1>"),
        ("ad\u200ba@exam\u00adple.com", "<EMAIL_1>"),
        ("ada [at] example [dot] org", "<EMAIL_1>"),
        ("ada(at)example.org", "<EMAIL_1>"),
        ("ada at example dot com", "<EMAIL_1>"),
    ],
)
def test_emails(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "git clone git@github.com:someone/something.git",
        "npm install @scope/package@1.2.3 lodash@4.17.21",
        "background: url(logo@2x.png)",
        "@app.route('/') def index(): ...",
        "y = a @ b; z = x@w.T",
        "postgres://user:password@localhost/db",
        "Look at the dot product of both.",
        "user@localhost has no domain, and neither has ada@",
        "meet me at example.com",
    ],
)
def test_what_only_resembles_an_email(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "number",
    [
        "+1 415 555 2671",
        "+1 (555) 123-4567",  # nobody's, and written like one
        "+14155552671",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "+49-30-901820",
        "+86 138 0013 8000",
        "+30 22890 22782",
        "0049 30 901820",
        "011 44 20 7946 0958",
        "(415) 555-2671",
        "(415)555-2671",
        "415-555-2671",
        "415.555.2671",
        "1-800-273-8255",
        "020 7946 0958",
        "(030) 901820",
        "030/901820",
        "06 12 34 56 78",
        "0412 345 678",
        "+1\u00a0415\u00a0555\u20112671",
        "＋１ ４１５ ５５５ ２６７１",
        "+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨",
    ],
)
def test_phone_numbers(number: str) -> None:
    assert redacted(f"Reach us: {number}, any day") == "Reach us: <PHONE_1>, any day"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("phone: {}", "555-1234"),
        ("my phone number is {}!", "5551234567"),
        ('"phoneNumber": "{}"', "9971545058"),
        ("Tel. {}", "12345678"),
        ("call me on {} tonight", "98765 43210"),
        ("WhatsApp: {}", "13800138000"),
        ("电话：{}", "13800138000"),
        ("fax {}", "1800 532 904"),
        ("Phone:\n{}", "60-56-85-91"),
        ("Mi teléfono es {}, ¿me llamas?", "612 345 678"),
        ("mi número de teléfono es {}", "612 345 678"),
        ("mój numer telefonu to {}", "512 345 678"),
        ("携帯は{}です。", "80-1234-5678"),
        ("They're not answering at {}", "99 668472"),
        ("Paxata\n{} office\n", "416 60 039"),
        ("{}-Fax", "3660170548"),
    ],
)
def test_numbers_that_the_text_calls_a_phone(text: str, number: str) -> None:
    assert redacted(text.format(number)) == text.format("<PHONE_1>")
    assert redacted(number) == number


def test_a_number_takes_only_its_own_digits() -> None:
    assert redacted("020 7946 0958 15 June") == "<PHONE_1> 15 June"
    assert redacted("+1 415 555 2671 2 pm") == "<PHONE_1> 2 pm"
    assert redacted("415-555-2671/415-555-2672") == "<PHONE_1>/<PHONE_2>"


def test_national_numbers_are_those_of_the_regions_asked_for() -> None:
    texts = ["020 7946 0958", "(415) 555-2671", "+44 20 7946 0958"]
    assert Redactor(["GB"]).redact(texts).texts == ("<PHONE_1>", "(415) 555-2671", "<PHONE_1>")
    assert Redactor(["US"]).redact(texts).texts == ("020 7946 0958", "<PHONE_1>", "<PHONE_2>")
    with pytest.raises(SettingsError, match="Atlantis"):
        Redactor(["US", "Atlantis"])


@pytest.mark.parametrize(
    "text",
    [
        "On 2023-03-21 12:42:18 and 03/21/2023 12:42:19, 2019-2020 (08/2017 - 12/2018), 01.02.2023 10:15",
        "12:30:45.123456, 2024-01-31T23:59:59.999999+00:00, 20240131235959, epoch 1617181723, 1617181723123 ms",
        "ISBN 978-3-16-148410-0, 0-306-40615-2, ISBN 9783161484100",
        "v1.2.3.4, version 10.20.30.40, ==2.0.1.5, Chrome/100.12.33.47, section 3.1.4.1, foo-1.2.3.4.tar.gz",
        "1234567890 + 9876543210 = 11111111100, 3.14159265358979, 1,234,567.89, 6.02e23, 2^31 = 2147483648",
        "1000000 - 999999 = 1, (12345678 / 3), 200000000 US dollars, 7 14 21 28 35 42 49 56 63 70",
        "0.4111111111111111, -0.12345678, [0.769668, 0.381851], 146.830002 147.229996 145.009995",
        "order 4711-0815-2023, invoice INV-2023-000123, ticket #1234567890, tracking 1Z999AA10123456784",
        "id 123e4567-e89b-12d3-a456-426614174000, md5 d41d8cd98f00b204e9800998ecf8427e, commit 9fceb02d0ae598e95d",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "127.0.0.1:8000, 0.0.0.0, 192.168.1.10, 10.1.2.3, 172.16.0.1, 255.255.255.0, 169.254.1.1, 224.0.0.1, ::1",
        "std::vector, a::b, x::xs, dead::beef, 12:30:45, aa:bb:cc:dd:ee:ff, 1:2:3:4, 2023:10:15 10:30:00",
        "1.1.1.1 Scope of this paper, 999.1.1.1, 1.2.3.4.5, OID 1.3.6.1.4.1.311",
        "4111 1111 1111 1112, 1234-5678-9012-3456, 5105105105105101, 0000 0000 0000 0000, 41111111111111111111",
        "DE89 3704 0044 0532 0130 01, XX82 WEST 1234 5698 7654 32, DE8937040044053201300, IT01730990098",
        "49.0°N 16.6°E, 52.520008, 13.404954, 5,000,000, $1,234,567, 10:15-11:45, page 1123-1187, ZIP 94103-1234",
        "password: string, password = request.form['password'], api_key = os.environ['KEY2023'], token: <your-token>",
        "password=password123, api_key=YOUR_API_KEY_123456789, secret: mysecretvalue, sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "tokenizer: bert-base-uncased-v12-2020, max_tokens: 2048000, the token is refreshed, keys: a1, b2",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, sk-learn-pipeline-with-long-name, ----BEGIN, hf_hub_download",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "mongodb://<user>:<password>@host/db, http://user:pass@host/, https://example.com:8080/@handle",
        "622x + 3751 - 3751 = 18679 - 3751, 2x + 4567891 = 0, 3 * +4155552671, n + 1234567 / 7654321",
        "Google's 8.8.8.8 and 8.8.4.4, Cloudflare's 1.1.1.1 and 2606:4700:4700::1111",
        "import OAuth2PasswordBearer\n\noauth2_scheme = OAuth2PasswordBearer(tokenUrl='token')",
        "card 123456789012, 1500000 mobile users, code=AUTHORIZATION_CODE_GRANT, session=requests.Session(), sid=1",
        "the phone costs 1299.99, iPhone 14 128 256 512 gigabytes, call 192.168.100.100, call option 2023-01-15",
    ],
)
def test_numbers_and_code_survive(text: str) -> None:
    assert REDACTOR.redact([text]).texts == (text,)


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5105-1051-0510-5100",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
        "213164126086955",
        "503802053770",
        "４１１１\u00a0１１１１\u00a0１１１１\u00a0１１１１",
    ],
)
def test_credit_cards(number: str) -> None:
    assert redacted(f"Card: {number}.") == "Card: <CREDIT_CARD_1>."


@pytest.mark.parametrize(
    "number",
    [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "gb82 west 1234 5698 7654 32",
        "FR14-2004-1010-0505-0001-3M02-606",
        "NO93 8601 1117 947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "LC55 HEMM 0001 0001 0012 0012 0002 3015",
    ],
)
def test_ibans(number: str) -> None:
    assert redacted(f"IBAN: {number} BIC ABCDEFGH") == "IBAN: <IBAN_1> BIC ABCDEFGH"
    assert redacted(f"GB12 {number}") == "GB12 <IBAN_1>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 203.0.113.9:8080", "from <IP_ADDRESS_1>:8080"),
        ("http://81.2.69.142/x", "http://<IP_ADDRESS_1>/x"),
        ("allow 81.2.69.0/24.", "allow <IP_ADDRESS_1>/24."),
        ("my IP is 81.2.69.142", "my IP is <IP_ADDRESS_1>"),
        ("81.2.69.1-81.2.69.9", "<IP_ADDRESS_1>-<IP_ADDRESS_2>"),
        ("[2001:db8::1]:443", "[<IP_ADDRESS_1>]:443"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "<IP_ADDRESS_1>"),
        ("2001:DB8::1: refused, 2001:db8:0::1", "<IP_ADDRESS_1>: refused, <IP_ADDRESS_1>"),
        ("::ffff:81.2.69.142", "::ffff:<IP_ADDRESS_1>"),
    ],
)
def test_ip_addresses(text: str, expected: str) -> None:
    assert redacted(text) == expected


def joined(*parts: str) -> str:
    """A made-up token, in parts so that scanners of repositories don't take it for a real one."""
    return "".join(parts)


TOKENS = [
    joined("sk-", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF"),
    joined("sk-proj-", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF_x-Y"),
    joined("sk-ant-api03-", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF"),
    joined("AKIA", "QX7ZK3M5N2P4R6TB"),
    joined("ghp_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dFgHiJ"),
    joined("github_pat_", "11ABCDE0Y0aB3dE6gH9jK2_mN5pQ8sT1vW4yZ7bC0dF"),
    joined("glpat-", "aB3dE6gH9jK2mN5pQ8sT"),
    joined("xoxb-", "123456789012-1234567890123-aB3dE6gH9jK2mN5p"),
    joined("AIza", "SyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tUvW"),
    joined("sk_live_", "aB3dE6gH9jK2mN5pQ8sT1vW4"),
    joined("hf_", "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"),
    joined("npm_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dFgHiJ"),
    joined("SG.", "aB3dE6gH9jK2mN5pQ8sT1v.aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dFgHiJkLmNoPq"),
    joined("gsk_", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dFaB3dE6gH9jK2mN5pQ8sT"),
    joined("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiI0MiJ9", ".kq3bGJrUEeXht6FPAj1aPK6JlU6pJKUOz"),
    joined("123456789", ":AA", "F3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF_x"),
]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_of_vendors(token: str) -> None:
    assert redacted(f"Use {token}.", f'key="{token}"') == 'Use <SECRET_1>. | key="<SECRET_1>"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: Tr0ub4dor&3", "password: <SECRET_1>"),
        ("My password is Tr0ub4dor&3, please", "My password is <SECRET_1>, please"),
        ("password: MySecret2024!x", "password: <SECRET_1>"),
        ('"password": "x7Kq!92p"', '"password": "<SECRET_1>"'),
        ("DB_PASSWORD='x7Kq!92p'", "DB_PASSWORD='<SECRET_1>'"),
        ("密码：x7Kq92pz", "密码：<SECRET_1>"),
        ("api_key = 9f86d081884c7d659a2feaa0c55ad015", "api_key = <SECRET_1>"),
        ("aws_secret_access_key=wJ4lrXUtnF2EMI/K7MDENG/bPx9RfiCYzQ1w2E3r", "aws_secret_access_key=<SECRET_1>"),
        ("Authorization: Bearer aB3dE6gH9jK2mN5pQ8sT", "Authorization: Bearer <SECRET_1>"),
        ("curl -H 'Cookie: sessionid=7f3c9a1be4d24c0f9a8b7c6d5e4f3a2b'", "curl -H 'Cookie: sessionid=<SECRET_1>'"),
        ("Set-Cookie: lang=en; sid=7f3c9a1be4d24c0f9a8b; path=/", "Set-Cookie: lang=en; sid=<SECRET_1>; path=/"),
        ("https://x.example/cb?code=4f0AX4XfWh9a8b7c6d5e&state=a", "https://x.example/cb?code=<SECRET_1>&state=a"),
        ("https://x.example/?X-Amz-Signature=9f86d081884c7d659a2f", "https://x.example/?X-Amz-Signature=<SECRET_1>"),
        ("Authorization: Basic YWRhOnM1NzNjcjN0", "Authorization: Basic <SECRET_1>"),
        ("curl -u ada:x7Kq92pz https://example.org", "curl -u ada:<SECRET_1> https://example.org"),
        ("postgres://ada:x7Kq92pz@db.example.org/x", "postgres://ada:<SECRET_1>@db.example.org/x"),
        (f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\nend", "<SECRET_1>\nend"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}", "<SECRET_1>"),
    ],
)
def test_named_secrets(text: str, expected: str) -> None:
    assert redacted(text) == expected
