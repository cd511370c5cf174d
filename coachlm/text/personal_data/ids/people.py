"""Dates of birth, handles of users, and where somebody is."""

import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.ids.cues import behind, called

BIRTH_WORDS = (
    *("date of birth", "birth date", "birthdate", "date_of_birth", "dateofbirth", "dob", "d.o.b", "birthday"),
    *(
        "geburtsdatum",
        "geboren am",
        "geburtstag",
        "fecha de nacimiento",
        "nací el",
        "date de naissance",
        "né le",
        "née le",
    ),
    *(
        "data di nascita",
        "nato il",
        "nata il",
        "data de nascimento",
        "geboortedatum",
        "data urodzenia",
        "дата рождения",
    ),
    *("出生日期", "生年月日", "생년월일"),
)
_BORN = ("i was born", "i'm born", "he was born", "she was born", "they were born", "born on", "born:")
HANDLE_WORDS = (
    *("twitter", "instagram", "telegram", "discord", "snapchat", "tiktok", "mastodon", "handle", "skype", "username"),
    *("user name", "screen name", "screenname", "gamertag", "follow me", "dm me"),
)
PROFILE_MARKS = (
    *("twitter.com/", "x.com/", "instagram.com/", "t.me/", "facebook.com/", "linkedin.com/in/", "tiktok.com/@"),
    *("snapchat.com/add/", "threads.net/@", "bsky.app/profile/", "vk.com/"),
)
PLACE_WORDS = ("coordinates", "coords", "gps", "latitude", "my location", "lat", "location:", "geo:", "@", "q=", "ll=")

_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    "|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    "|septiembre|octubre|noviembre|diciembre|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
)
_YEAR = "(?:19|20)[0-9]{2}"
_NUMERIC = (
    rf"(?:{_YEAR}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.](?:{_YEAR}|[0-9]{{2}}))(?![\w/-])"
)
_IN_WORDS = (
    rf"(?i:[0-9]{{1,2}}(?:st|nd|rd|th|\.)? (?:of |de )?(?:{_MONTHS}),?\.? (?:de )?{_YEAR}"
    rf"|(?:{_MONTHS})\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? {_YEAR})"
    rf"|{_YEAR}年[0-9]{{1,2}}月[0-9]{{1,2}}日"
)
_ANY_DATE = behind(f"{_NUMERIC}|{_IN_WORDS}")
_NUMERIC_DATE = behind(_NUMERIC)
_HANDLE = behind(r"@?[A-Za-z0-9_](?:[\w.-]{1,30}[A-Za-z0-9_])(?:#[0-9]{4})?(?![\w(\[/])", inflected=False)
_PROFILE = re.compile(r"(?P<value>[A-Za-z0-9_][\w.-]{2,49})(?![\w(])")
_NO_PROFILE = frozenset(
    (
        *("about", "help", "home", "login", "explore", "search", "share", "sharer", "intent", "hashtag", "privacy"),
        *("terms", "policies", "settings", "groups", "pages", "events", "watch", "marketplace", "username", "user"),
        *("yourname", "your_username", "status", "company", "school", "sharer.php", "share.php", "profile.php"),
    )
)
_PICTURE = re.compile(r"pic\.[a-z]{1,12}\.com/\Z")
_NO_HANDLE = re.compile(
    r"(?:your|my|the|test|example|sample|some|user|admin|root|guest|name|string|none|null|default)(?:[._-]?(?:user_?name|name|user|id|handle)){0,2}"
    r"[0-9]{0,2}",
    re.IGNORECASE,
)
_NUMBER = r"[-+]?[0-9]{1,3}\.[0-9]{4,8}"
_LONGITUDE_WORD = r"(?i:lon(?:g(?:itude)?)?|lng)"
_PAIR = behind(
    rf"{_NUMBER}[NS]?(?:, ?|; ?| |%2C|,\+)(?:{_LONGITUDE_WORD}[\s:=\"']{{0,4}})?{_NUMBER}(?:[EW])?(?!\w|\.[0-9])"
)
_LATITUDE = behind(rf"{_NUMBER}[\"',;\s]{{1,5}}{_LONGITUDE_WORD}[\s:=\"']{{1,4}}{_NUMBER}(?!\w|\.[0-9])")
_DEGREES = re.compile(
    r"(?<!\w)[0-9]{1,2}° ?[0-9]{1,2}['′’] ?[0-9]{1,2}(?:\.[0-9]+)?(?:\"|″|”|'') ?[NS],? ?"
    r"[0-9]{1,3}° ?[0-9]{1,2}['′’] ?[0-9]{1,2}(?:\.[0-9]+)?(?:\"|″|”|'') ?[EWO](?!\w)"
)
# Before degrees, for encyclopaedias give them of every town.
_SOMEBODYS = re.compile(
    r"\b(?:gps|my|our|your|his|her|home|live[sd]?|i'?m|i am|we'?re|we are|meet|coordinates are)\b", re.IGNORECASE
)
_REACH = 60
_OPENED = re.compile(r"[{(\[]")
_CALL_BEFORE = re.compile(r"[\w\])][(\[]{1,2}[\"']?\Z|[=\[]\s?[\[(]?\Z")


def find_birth_dates(text: str) -> Iterator[Finding]:
    """After words for one's birth any date; after `born on` those in figures, for history writes the month's name."""
    for cues, pattern in ((BIRTH_WORDS, _ANY_DATE), (_BORN[:2], _ANY_DATE), (_BORN[2:], _NUMERIC_DATE)):
        for match in called(text, cues, pattern):
            yield Finding(*match.span("value"), Kind.BIRTH_DATE, match["value"].casefold())


def find_handles(text: str) -> Iterator[Finding]:
    """Names of accounts that the text calls so, or that stand in a link to a profile."""
    for match in called(text, HANDLE_WORDS, _HANDLE):
        written = match["value"].strip(".-")
        has_mark = written.startswith("@") or any(character in "_0123456789#" for character in written)
        if has_mark and not _NO_HANDLE.fullmatch(written.lstrip("@")) and not written.replace(".", "").isdecimal():
            start = match.start("value")
            yield Finding(start, start + len(written), Kind.USER_HANDLE, written.lstrip("@").casefold())
    for match in called(text, PROFILE_MARKS, _PROFILE):
        if match["value"].lower() not in _NO_PROFILE and not _PICTURE.search(
            text, max(0, match.start() - 24), match.start()
        ):
            value = match["value"].rstrip(".-")
            yield Finding(match.start("value"), match.start("value") + len(value), Kind.USER_HANDLE, value.casefold())


def find_coordinates(text: str) -> Iterator[Finding]:
    """Places to about ten metres that the text names, in prose, links and geo addresses; not arguments in code."""
    for words, pattern in ((PLACE_WORDS, _PAIR), (("latitude", "lat"), _LATITUDE)):
        for match in called(text, words, pattern):
            if not _is_code(text, match):
                written = ",".join(re.findall(_NUMBER, match["value"]))
                yield Finding(*match.span("value"), Kind.COORDINATES, written)
    for match in _DEGREES.finditer(text):
        if _SOMEBODYS.search(text, max(0, match.start() - _REACH), match.start()):
            yield Finding(*match.span(), Kind.COORDINATES, match[0])


def _is_code(text: str, match: re.Match[str]) -> bool:
    """An argument, a list or an object of code; a quoted name of a field stands in data."""
    start = match.start("value")
    if text[match.start()] in "\"'" or text[start - 1] == "=":
        return False
    return any(mark.search(text, max(0, start - reach), start) for mark, reach in ((_CALL_BEFORE, 6), (_OPENED, 12)))
