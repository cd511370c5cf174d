"""Deterministic repairs of one text, each a function that leaves alone what it can't be sure of.

Code, links, tables and placeholders are put aside before any of them runs (`Prose`) and come back untouched.
"""

import re
from dataclasses import dataclass

import ftfy

from coachlm.text.hygiene import strip_invalid
from coachlm.text.markup import protected_spans
from reviser.rules.spelling import Speller

_MARK = "\ue000"  # stands for a protected span; `strip_invalid` guarantees that no text brings its own
_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,
    normalization=None,
    uncurl_quotes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    fix_line_breaks=False,
    explain=False,
)
_ENTITY = re.compile(r"&(?:quot|amp|#0?39|#x27|apos|nbsp|lt|gt);")
_ENTITIES = {"&quot;": '"', "&amp;": "&", "&apos;": "'", "&nbsp;": " ", "&lt;": "<", "&gt;": ">"}

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_QUOTED = re.compile(r"[\"“«][^\"“”«»\n]{1,80}[\"”»]|(?<!\w)['‘][^'’\n]{1,40}['’](?!\w)")
_MIN_KNOWN_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Prose:
    """A text with its protected spans put aside, each replaced by one mark."""

    text: str
    aside: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Prose":
        pieces: list[str] = []
        aside: list[str] = []
        position = 0
        for start, end in protected_spans(text):
            pieces += [text[position:start], _MARK]
            aside.append(text[start:end])
            position = end
        return cls("".join([*pieces, text[position:]]), tuple(aside))

    def restore(self, repaired: str) -> str:
        """The repaired text with the spans back in place."""
        pieces = repaired.split(_MARK)
        if len(pieces) != len(self.aside) + 1:
            raise ValueError("a repair moved or dropped a protected span")
        return "".join(text for pair in zip(pieces, (*self.aside, ""), strict=True) for text in pair)


def mend_encoding(text: str, *, unescape: bool) -> str:
    """Mojibake, terminal escapes, control and replacement characters; with `unescape`, left-over HTML entities."""
    if not text.isascii():
        text = ftfy.fix_text(text, _FTFY)
    text = strip_invalid(text.replace("\r\n", "\n").replace("\r", "\n")).replace("\u200b", "")
    if unescape and "&" in text:
        text = _ENTITY.sub(lambda match: _ENTITIES.get(match[0], "'"), text)
    return text


_TRAILING = re.compile(r"(?<=\S)(?: |[ \t]{3,})(?=\n)")  # two spaces are Markdown's line break
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){3,}")
_WIDE_GAP = re.compile(r"(?<=[a-z,;]) {2,3}(?=[A-Za-z])")


def mend_space(text: str) -> str:
    """Blank ends of lines, piles of empty lines, gaps within sentences (columns stay)."""
    text = _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text))
    return "\n".join(
        _WIDE_GAP.sub(" ", line) if len(_WIDE_GAP.findall(line)) < 3 else line for line in text.split("\n")
    )


# Words that never stand twice in a row on purpose.
_NEVER_TWICE = (
    "the|a|an|of|to|and|or|for|with|from|are|was|were|at|as|be|it|this|these|those|their|our|your|my|his|its|if|but|"
    "by|they|we|he|she|would|should|could|into|than|then|when|which|while|because|also|each|some|such|has|have"
)
_DOUBLED_SMALL = re.compile(rf"(?<![\w'’-])({_NEVER_TWICE}) \1\b(?! \1)(?![-'’])")
_DOUBLED_WORD = re.compile(r"(?<![\w'’-])([a-z]{4,}) \1\b(?! \1)(?![-'’])")
MEANT_TWICE = re.compile(
    "that|had|very|long|many|really|much|more|never|over|again|knock|blah|choo|chop|yada|bora|tuk|mahi|couscous|drip|drop|"
    "tick|quack|woof|meow|bang|boom|step|round|well|there|know|will|please|hush|night|days|years|twinkle|merrily|little|"
    "yeah|girl|baby|love|come|what|like|wait|bye|cheep|honk|beep|ding|dong|splash|snip|chug|higher|faster|closer|deeper|"
    "louder|home|alone|side|door|back|hand|face|line|word|year|week|miles|neck|head|toe|first|last|buzz|hoo|yo|ha|ho|"
    "zero|one|two|three|four|five|six|seven|eight|nine|oh"
)
"""Words that people say twice and mean it."""
_SENTENCE_TWICE = re.compile(r"(?<!\w)([A-Z][^.!?\n]{24,400}+[.!?])(?: ++\1)+(?=\s|$)")


def drop_doubles(text: str, speller: Speller) -> str:
    """`the the`, `quickly quickly`, and a sentence said twice in a row."""
    text = _DOUBLED_SMALL.sub(r"\1", text)
    text = _DOUBLED_WORD.sub(lambda match: _single(match, speller), text)
    return _SENTENCE_TWICE.sub(r"\1", text)


def _single(match: re.Match[str], speller: Speller) -> str:
    word = match[1]
    return match[0] if MEANT_TWICE.fullmatch(word) or not speller.knows(word) else word


_SPACE_BEFORE = re.compile(r"(?<=[A-Za-z\d)\"”’\ue000]) +([,;!?]|\.(?![\w.]))(?=\s|$|[\"”])")
_NO_SPACE_AFTER = re.compile(r"(?<![\w/@.#-])([A-Za-z]{2,})([,;])([A-Za-z]{2,})(?![\w/@-])")
_STOP_WITHOUT_SPACE = re.compile(
    r"\b([a-z]{3,})([.?!])(The|This|It|In|However|We|You|He|She|They|There|If|When|But|And|For|To|As|These|My|Our|Also|"
    r"Then|So|Another|Some|What|How|With|By|While|Finally|First|Second|Additionally|Furthermore|Moreover)\b(?![.(\w])"
)
_COMMA_TWICE = re.compile(r"(?<=\w),(?: ?,)+(?= |$)")


def mend_punctuation(text: str, speller: Speller) -> str:
    """Blanks before stops, missing ones behind them, commas in pairs."""
    text = _COMMA_TWICE.sub(",", _SPACE_BEFORE.sub(r"\1", text))
    text = _STOP_WITHOUT_SPACE.sub(lambda match: _spaced(match, speller), text)
    return "\n".join(_comma_spaces(line, speller) if "," in line or ";" in line else line for line in text.split("\n"))


def _spaced(match: re.Match[str], speller: Speller) -> str:
    return f"{match[1]}{match[2]} {match[3]}" if speller.count(match[1]) else match[0]


def _comma_spaces(line: str, speller: Speller) -> str:
    """`word,word` gets its blank, unless the whole line is written so (a list of values)."""
    if ", " not in line and len(line.split()) < 4:
        return line
    return _NO_SPACE_AFTER.sub(
        lambda match: (
            f"{match[1]}{match[2]} {match[3]}"
            if speller.count(match[1].lower()) and speller.count(match[3].lower())
            else match[0]
        ),
        line,
    )


_AFTER_I = (
    "am|was|have|had|will|would|can|could|do|did|don't|didn't|can't|couldn't|won't|wouldn't|think|thought|want|wanted|need|"
    "needed|like|liked|know|knew|love|loved|feel|felt|hope|believe|went|got|see|saw|just|also|really|always|never|should|"
    "must|may|might|used|bought|made|found|work|worked|live|lived|heard|wish|guess|agree|understand|understood|wonder|"
    "tried|try|enjoy|enjoyed|remember|learned|decided|started|met|told|said|took|gave|came|began|left|asked"
)
_LONE_I = re.compile(rf"(?<![\w.'’(])i(?= (?:{_AFTER_I})\b|['’](?:m|ve|ll|d)\b)")
_START = re.compile(r"\A[\"“]?([a-z]+)(?=[ '’])")
_NEXT_START = re.compile(r"(\b[a-z]{2,}|\))([.!?]) ([a-z]+)(?=[ ,'’])")
_NOT_AN_END = re.compile("etc|vs|approx|eg|ie|cf|al|resp|incl|max|min|dept|est|esp|fig|vol|ca|inc|ltd|corp|govt|your")
_MIN_START_WORDS = 4
_BARE = re.compile(
    r"\b(?:(do|does|did|is|was|were|are|has|have|had|could|would|should)nt|(that)s|(could|would|should|might)ve|"
    r"(you|they)re)\b"
)


def mend_casing(text: str, speller: Speller) -> str:
    """A lone `i`, small letters where a sentence starts; lists and scraps keep theirs."""
    text = _LONE_I.sub("I", text)
    first_line = text.split("\n", 1)[0].rstrip()
    is_sentence = first_line.endswith((".", "?", "!", ":")) and len(first_line.split()) >= _MIN_START_WORDS
    if is_sentence and (match := _START.match(text)) and speller.count(match[1]):
        text = text[: match.start(1)] + text[match.start(1)].upper() + text[match.start(1) + 1 :]
    return _NEXT_START.sub(lambda match: _capitalised(match, speller), text)


def _capitalised(match: re.Match[str], speller: Speller) -> str:
    before, stop, word = match.groups()
    is_end = before == ")" or (not _NOT_AN_END.fullmatch(before) and speller.count(before))
    return f"{before}{stop} {word.capitalize()}" if is_end and speller.count(word) else match[0]


def mend_spelling(text: str, speller: Speller, known: frozenset[str]) -> str:
    """Typos in lower-case words; not within short quotes, not beside foreign words, not words of `known`."""
    text = _BARE.sub(_with_apostrophe, text)
    quotes = quoted_spans(text)
    words = list(_WORD.finditer(text))
    pieces: list[str] = []
    position = quote = 0
    for index, match in enumerate(words):
        word = match[0]
        if not (word.islower() and word.isascii() and word.isalpha()) or word in known or _glued(text, match):
            continue
        meant = speller.correction(word)
        if meant is None or _foreign_company(words, index, speller):
            continue
        while quote < len(quotes) and quotes[quote][1] <= match.start():
            quote += 1
        if quote < len(quotes) and quotes[quote][0] <= match.start():
            continue
        pieces += [text[position : match.start()], meant]
        position = match.end()
    return "".join([*pieces, text[position:]])


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Short quotations, in order: what stands there may be wrong on purpose."""
    return [match.span() for match in _QUOTED.finditer(text)]


def _with_apostrophe(match: re.Match[str]) -> str:
    endings = ("n't", "'s", "'ve", "'re")
    return next(f"{start}{ending}" for start, ending in zip(match.groups(), endings, strict=True) if start)


def _glued(text: str, match: re.Match[str]) -> bool:
    """Whether the word is a part of something: a name with dots, an address, an identifier, a hyphenated word."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 2]
    return before in tuple("_-./@#\\&+=0123456789'’") or (
        after[:1] in tuple("_-/@\\+=0123456789(") or (after[:1] in (".", ":") and after[1:].isalnum())
    )


def _foreign_company(words: list[re.Match[str]], index: int, speller: Speller) -> bool:
    """Whether both neighbours, or the only one, are unknown: a phrase in another language, a list of names."""
    near = [words[i][0].lower() for i in (index - 1, index + 1) if 0 <= i < len(words)]
    return bool(near) and not any(speller.knows(word) or "'" in word for word in near)


_CODE_LINE = re.compile(
    r"^[ \t]*+(?:def |class \w+[:({]|import \w|from [\w.]+ import|return\b.*[;)]|#include|using \w|SELECT .* FROM|"
    r"(?:public|private|static|void|const|let|var|int|function) .*[;{(=]|[{}\])]++;?$|.*[;{]$|\w+ = .*[(\[])"
    r"|^[ \t]*+(?:if|for|while|elif) .*:$",
    re.MULTILINE,
)


def looks_like_code(text: str) -> bool:
    """Whether two lines or more read like a program's, fenced or not."""
    return len(_CODE_LINE.findall(text)) >= 2


def is_english(text: str, speller: Speller) -> bool:
    """Whether most words (the first 300) are on the English list; a text without enough words counts as English."""
    words = [match[0].lower() for match, _ in zip(_WORD.finditer(text), range(300), strict=False)]
    known = sum(1 for word in words if speller.count(word) or not word.isalpha())
    letters = sum(1 for char in text[:2000] if char.isalpha())
    ascii_letters = sum(1 for char in text[:2000] if char.isalpha() and char.isascii())
    return known >= _MIN_KNOWN_SHARE * len(words) and ascii_letters >= 0.9 * letters
