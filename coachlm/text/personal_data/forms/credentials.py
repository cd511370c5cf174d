"""Secrets: keys and tokens by their vendors' forms, passwords in URLs and assignments, private keys."""

import re
from collections.abc import Iterable, Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.forms.words import places_of

VENDOR_MARKS = (
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "glptt-",
    "AKIA",
    "ASIA",
    "xox",
    "xapp-",
    "AIza",
    "ya29.",
    "GOCSPX-",
    "eyJ",
    "hf_",
    "npm_",
    "pypi-AgE",
    "SG.",
    "gsk_",
    "xai-",
    "r8_",
    "pplx-",
    "lsv2_",
    "nvapi-",
    "dop_v1_",
    "shpat_",
    "shpss_",
    "sq0",
    "dapi",
    "AGE-SECRET-KEY-",
    "tvly-",
    "pcsk_",
    "ntn_",
    "lin_api_",
    ":AA",
    "hooks.slack.com/services/",
    "/api/webhooks/",
)
"""One of these stands in every key or token that its vendor's form gives away."""

# Source: each vendor's documentation of its tokens, and GitHub's list of supported secret scanning patterns.
_VENDOR = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?:sk-|gsk_|xai-|r8_|pplx-|lsv2_(?:pt|sk)_|nvapi-|tvly-|pcsk_|ntn_|lin_api_)(?P<loose>[A-Za-z0-9_-]{20,250})"
    r"|(?:(?:sk|rk)_(?:live|test)_|whsec_)[A-Za-z0-9+/=]{16,250}"
    r"|gh[pousr]_[A-Za-z0-9]{36,250}|github_pat_[A-Za-z0-9_]{36,250}"
    r"|gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,100}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[0-9]-[A-Za-z0-9-]{20,250}"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{28}"
    r"|eyJ[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{8,8000}+\.[A-Za-z0-9_-]{8,4000}"
    r"|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,500}"
    r"|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"
    r"|dop_v1_[a-f0-9]{64}|shp(?:at|ss)_[a-fA-F0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|dapi[a-f0-9]{32}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{58}"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"
    r"|(?<=hooks\.slack\.com/services/)T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,40}"
    r"|(?<=/api/webhooks/)[0-9]{15,20}/[A-Za-z0-9_-]{50,100}"
    r")"
)

NAMING_WORDS = (
    "passw",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "key",
    "bearer",
    "authorization",
    "credential",
    "curl",
    "密码",
    "密碼",
    "пароль",
    "contraseña",
    "mot de passe",
    "kennwort",
    "senha",
)
"""One of these, in lower case, stands before every secret that only its name gives away."""

_KEYS = ("api", "access", "private", "account", "auth", "signing", "encryption")
_ASSIGNED_WORDS = tuple(word for word in NAMING_WORDS if word not in ("key", "bearer", "authorization", "curl"))
_KEY_WORDS = tuple(f"{kind}{gap}key" for kind in _KEYS for gap in ("", " ", "_", "-"))
_ASSIGNED = re.compile(
    r"(?:(?P<password>passw(?:or)?[dt]|passphrase|pwd|密码|密碼|пароль|contraseña|mot de passe|kennwort|senha)"
    r"|secret(?!ar)|token(?!i[sz])|[a-z]{3,10}[ _-]?key|credential)"
    r"[\w-]{0,24}+[\"'`\])*]{0,3}\s{0,3}(?:=>|:=|[:=]{1,2}|\s(?:is|was)\s)\s{0,3}"
    r"(?:(?:bearer|basic)\s)?(?P<quote>[\"'`])?(?P<value>[^\s\"'`<>(){}\[\],;|]{6,512})(?P<after>[(\[{]?)",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"(?:(?<![A-Za-z])bearer|authorization[\"']?\s?[:=]\s?[\"']?(?:basic|token))[ \t]{1,3}"
    r"(?P<value>[A-Za-z0-9._~+/=-]{12,4000})"
    r"|curl\s(?:[^\n]{0,200}\s)?(?:-u|--user)\s{0,2}[\"']?[^\s:\"']{1,64}:(?P<curl>[^\s\"'<>${}]{6,128})",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"://[^\s:/@\"'<>]{0,64}:(?P<value>[^\s/@\"'<>{}$\[\]*%]{3,128})@")
_SESSION_STARTS = ("sess", "connect.sid", "sid=", "sig=", "signature=", "auth=", "csrf", "xsrf", "code=", "ticket=")
SESSION_MARKS = ("cookie", "x-amz-", *_SESSION_STARTS)
"""One of these, in lower case, stands before every session cookie and every token of a link."""

_COOKIE_LINE = re.compile(r"cookies?[\"']?\s?[:=]\s?[\"']?(?P<pairs>[^\n\"']{8,4000})", re.IGNORECASE)
_COOKIE = re.compile(r"(?<![^;\s])[A-Za-z0-9_.$-]{1,64}=(?P<value>[^;\s,]{8,2000})")
_SESSION = re.compile(
    r"(?:sess(?:ion)?(?:[ _-]?(?:id|key|token))?|(?:connect\.|[?&; ])sid|csrf[a-z_-]{0,16}"
    r"|xsrf[a-z_-]{0,16}|(?<=[?&])(?:sig(?:nature)?|auth|code|ticket)|x-amz-(?:signature|credential|security-token))"
    r"[\"']?\s?=\s?[\"']?(?P<value>[A-Za-z0-9._~+/=%-]{16,2000})",
    re.IGNORECASE,
)
_STAND_IN = re.compile(
    r"your|example|changeme|change_me|placeholder|dummy|sample|xxxx|\*\*\*|\.\.\.|password|passwd|secret|token|api_?key"
    r"|access_?key|\A(?:user|pass|pwd|pw|root|admin|test|foo|bar)\Z",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"process\.env|os\.environ|self\.|this\.|://|\A\$\w+\Z|\A%\w*%?\Z|\A/\w+/|\A0x|\A[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+\Z"
)
_CLASSES = tuple(re.compile(characters) for characters in ("[a-z]", "[A-Z]", "[0-9]", r"[^A-Za-z0-9]"))

_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=:,\s\\-]*")


def find_vendor_tokens(text: str) -> Iterator[Finding]:
    """Keys and tokens that their vendors made recognisable; not `sk-xxxx…` and names in words."""
    for match in _VENDOR.finditer(text):
        if len(set(match[0])) >= 9 and (match["loose"] is None or _count_digits(match["loose"]) >= 2):
            yield Finding(*match.span(), Kind.SECRET, match[0])


def find_private_keys(text: str) -> Iterator[Finding]:
    """From BEGIN to END; where the text is cut before END, as far as what follows looks like a key."""
    place, is_ended = 0, True
    while begin := _KEY_BEGIN.search(text, place):
        end = _KEY_END.search(text, begin.end()) if is_ended else None
        is_ended = end is not None
        body = _KEY_BODY.match(text, begin.end())
        place = end.end() if end else (body or begin).end()
        if len(set(text[begin.end() : place])) >= 16:  # not an ellipsis
            written = text[begin.start() : place].rstrip()
            yield Finding(begin.start(), begin.start() + len(written), Kind.SECRET, written)


def find_named_secrets(text: str) -> Iterator[Finding]:
    """Values that are assigned to the name of a secret and look made to be unguessable."""
    for match in _outermost(text, places_of((*_ASSIGNED_WORDS, *_KEY_WORDS), text), _ASSIGNED, nested=4):
        if not match["after"]:
            value = match["value"] if match["quote"] else match["value"].rstrip(".,:!?")
            if _is_secret(value, is_password=match["password"] is not None):
                yield Finding(match.start("value"), match.start("value") + len(value), Kind.SECRET, value)
    for place in places_of(("bearer", "authorization", "curl"), text):
        match = _BEARER.match(text, place)
        if match:
            group = "curl" if match["curl"] else "value"
            if _is_secret(match[group], is_password=True):
                yield Finding(*match.span(group), Kind.SECRET, match[group])


def find_sessions(text: str) -> Iterator[Finding]:
    """Session ids, the values of cookies, and what a link carries to prove who follows it."""
    for line in _outermost(text, places_of(("cookie",), text), _COOKIE_LINE):
        yield from _unguessable(_COOKIE.finditer(text, *line.span("pairs")))
    starts = {
        place - step for place in places_of((*_SESSION_STARTS, "x-amz-"), text) for step in (0, 1) if place >= step
    }
    yield from _unguessable(_outermost(text, starts, _SESSION))


def _outermost(text: str, places: Iterable[int], pattern: re.Pattern[str], nested: int = 0) -> Iterator[re.Match[str]]:
    """Matches at the places, in order; within one match only the first `nested` others, so that time stays linear."""
    end = left = 0
    for place in sorted(places):
        if place < end and left <= 0:
            continue
        left -= place < end
        match = pattern.match(text, place)
        if match:
            if place >= end:
                end, left = match.end(), nested
            yield match


def _unguessable(matches: Iterable[re.Match[str]]) -> Iterator[Finding]:
    for match in matches:
        value = match["value"].rstrip(".")
        if _is_secret(value, is_password=False):
            yield Finding(match.start("value"), match.start("value") + len(value), Kind.SECRET, value)


def find_url_passwords(text: str) -> Iterator[Finding]:
    for match in _IN_URL.finditer(text):
        if not _STAND_IN.search(match["value"]):
            yield Finding(*match.span("value"), Kind.SECRET, match["value"])


def _is_secret(value: str, is_password: bool) -> bool:
    """Passwords: mixed kinds of characters. Others: long, varied, with digits, as random strings are."""
    classes = sum(bool(characters.search(value)) for characters in _CLASSES)
    if _CODE.search(value) or (classes < len(_CLASSES) and _STAND_IN.search(value)):
        return False
    if not is_password:
        return len(value) >= 16 and len(set(value)) >= 8 and classes >= 2 and _count_digits(value) >= 2
    has_both = _count_digits(value) >= 1 and any(character.isalpha() for character in value)
    return has_both and (classes >= 3 or (len(value) >= 8 and _count_digits(value) >= 2))


def _count_digits(value: str) -> int:
    return sum(character.isdigit() for character in value)
