"""Names that the words about them give away: titles, introductions, letters, form fields, firms' endings."""

import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.names.words import FIRM_ENDINGS, SENTENCE_STARTS

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-ŽΑ-ΩА-Я]"
_WORD = rf"{_CAPITAL}[^\W\d_]{{0,40}}(?:['’-][^\W\d_]{{1,40}}){{0,4}}"
_NAME = rf"{_WORD}(?: (?:{_CAPITAL}\.?|(?:van|von|de|der|den|da|di|la|del|bin|al)(?: (?:der|den|la))?|{_WORD})){{0,3}}"
_ANY_NAME = rf"(?:{_NAME}|[^\W\d_]+(?: [^\W\d_]+){{0,2}})"
_TITLES = "Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Herr|Frau|Señora?|Sra?|Mme|Monsieur|Madame|Signora?"
_TITLED = re.compile(
    rf"(?<!\w)(?:{_TITLES})\.? (?P<name>{_NAME})"
    r"|(?<!\w)(?:mr|mrs|ms|dr|prof)\. (?P<lower>[^\W\d_]{2,}(?: [^\W\d_]{2,})?)"
)
_INTRODUCTIONS = (
    "my (?:full |real |first |last |maiden )?name(?:'s| is)|(?:first|last|maiden|full|his|her) name(?:'s| is)"
    "|people call me|you can call me|me llamo|je m'appelle|mein name ist|ich heiße|mi nombre es|mi chiamo|meu nome é"
    "|nazywam się"
)
_INTRODUCED = re.compile(rf"(?<!\w)(?i:{_INTRODUCTIONS}) (?P<name>{_NAME}|[^\W\d_]{{2,}}(?=\s{{0,9}}(?:[.,;!]|\Z)))")
_GREETINGS = "Hi|Hello|Dear|Hey|Hallo|Lieber?|Hola|Bonjour|Cher|Chère"
_GREETED = re.compile(rf"(?:(?<=^)|(?<=[\n\"“]))(?:{_GREETINGS}) (?P<name>{_NAME})(?=[,!:])")
_FIELDS = "(?:full |first |last |customer |patient |contact )?name|attn|cardholder"
_FIELD = re.compile(
    rf"(?:(?<=^)|(?<=\n))[> *-]{{0,6}}(?i:{_FIELDS})[ \t]{{0,4}}:[ \t]{{0,9}}(?P<name>{_ANY_NAME})"
    r"(?=[ \t]{0,9}(?:[\n,;]|\Z))"
)
# The first line of an address or a signature, with figures or an e-mail address within the next lines.
_HEADED = re.compile(
    rf"\A[> \t?\n]{{0,8}}(?P<name>{_WORD}(?: {_CAPITAL}\.?)? {_WORD}(?: {_WORD})?)[ \t]{{0,9}}\n"
    r"(?=(?:[^\n]{0,80}\n){0,3}[^\n]{0,40}(?:[0-9]{3}|@))"
)
_INITIALED = re.compile(
    rf"(?<![\w.-])(?P<name>{_CAPITAL}[^\W\d_]{{1,40}} {_CAPITAL}\.? {_CAPITAL}[^\W\d_]{{1,40}})(?!\w)"
)
_CALLED = re.compile(rf"(?<!\w)(?:is|was|am|be) (?:called|named) (?P<name>{_WORD} {_NAME})")
_CLOSINGS = "regards|wishes|(?i:sincerely|yours|cheers|thanks)(?: truly| sincerely)?"
_CLOSED = re.compile(
    rf"(?:\A|\n|[.!?] )(?:(?i:best|kind|warm)(?: (?:regards|wishes))?|{_CLOSINGS}),?\n{{1,3}}(?P<name>{_NAME})"
    r"(?=\s{0,9}(?:\n|\Z))"
)
_FIRM = re.compile(rf"(?<![\w-])(?P<name>{_WORD}(?:(?: and | & | of |,? ){_WORD}){{0,4}},? (?:{FIRM_ENDINGS})\b\.?)")
_FIRM_NAME = rf"{_WORD}(?:[ -](?:{_WORD}|&)){{0,3}}"
_EMPLOYERS = (
    "work(?:s|ed|ing)? (?:for|at)|employed (?:by|at)|hired by"
    "|(?:employee|ceo|cto|cfo|founder|director|president) (?:of|at)"
    "|(?:job|years?|months|interview|internship|position|shareholders?) (?:at|with)|joined"
)
_PREMISES = "offices?|website|headquarters|team|store|company|orchestra"
_EMPLOYER = re.compile(
    rf"(?<!\w)(?:{_EMPLOYERS}) (?P<name>{_FIRM_NAME})|(?<=\b[Tt]he )(?P<owner>{_FIRM_NAME})(?= (?:{_PREMISES})\b)"
)
_NOBODY = frozenset(
    (
        *("not", "unknown", "n/a", "none", "string", "str", "name", "value", "the", "a", "required", "vitamin", "plan"),
        *("type", "grade", "hepatitis", "class", "group", "section", "appendix", "part", "exhibit", "figure", "table"),
        *("option", "question", "line", "team", "level", "case", "point", "step", "model", "series", "world"),
    )
)


def find_persons(text: str) -> Iterator[Finding]:
    for pattern in (_TITLED, _INTRODUCED, _GREETED, _FIELD, _HEADED, _INITIALED, _CALLED, _CLOSED):
        for match in pattern.finditer(text):
            group = match.lastgroup or "name"
            written = match[group]
            first = written.split()[0].casefold()
            if first not in SENTENCE_STARTS and first not in _NOBODY:
                start = match.start(group)
                yield Finding(start, start + len(written), Kind.PERSON, written.casefold())


def find_organisations(text: str) -> Iterator[Finding]:
    for pattern in (_FIRM, _EMPLOYER):
        for match in pattern.finditer(text):
            group = match.lastgroup or "name"
            start, written = match.start(group), match[group]
            first, _, rest = written.partition(" ")
            if first.casefold() in SENTENCE_STARTS:
                start, written = start + len(first) + 1, rest
            if len(written.split()) > 1 or (pattern is _EMPLOYER and written):
                yield Finding(start, start + len(written), Kind.ORGANISATION, written.casefold())
