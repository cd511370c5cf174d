"""Damage to clean text, made token by token, so that the remedy of each is known: what the coach learns from."""

import random
from collections.abc import Mapping, Sequence

from coachlm.coaching.lessons import UNKNOWN
from reviser.coach.lexicon import Lexicon
from reviser.coach.tags import INSERTED, CaseTag, GapTag, WordTag, like
from reviser.coach.teaching.remedies import Tagged, masked, replacement
from reviser.coach.words import Kind, Token, kind_of, split_words
from reviser.rules.repairs import Prose

_KEYS = {
    "q": "wa",
    "w": "qes",
    "e": "wrd",
    "r": "etf",
    "t": "ryg",
    "y": "tuh",
    "u": "yij",
    "i": "uok",
    "o": "ipl",
    "p": "ol",
    "a": "qsz",
    "s": "awdx",
    "d": "sefc",
    "f": "drgv",
    "g": "fthb",
    "h": "gyjn",
    "j": "hukm",
    "k": "jil",
    "l": "kop",
    "z": "asx",
    "x": "zsdc",
    "c": "xdfv",
    "v": "cfgb",
    "b": "vghn",
    "n": "bhjm",
    "m": "njk",
}


class Damage:
    """Damages texts; the same generator state gives the same damage."""

    def __init__(self, lexicon: Lexicon, misspelled: Mapping[str, str]) -> None:
        self._lexicon = lexicon
        self._misspelled: dict[str, list[str]] = {}
        for wrong, right in misspelled.items():
            self._misspelled.setdefault(right, []).append(wrong)

    def tokens(self, clean: Sequence[Token], share: float, rng: random.Random) -> list[Tagged]:
        """`clean` with about `share` of its words and stops damaged."""
        made: list[Tagged] = []
        place = 0
        while place < len(clean):
            if rng.random() >= share:
                made.append(Tagged(clean[place]))
                place += 1
            else:
                place += self._at(clean, place, made, rng)
        return made

    def _at(self, clean: Sequence[Token], place: int, made: list[Tagged], rng: random.Random) -> int:
        """Adds what becomes of `clean[place]`, and returns how many clean tokens that used up."""
        token = clean[place]
        after = clean[place + 1] if place + 1 < len(clean) else None
        if token.kind is Kind.STOP:
            return self._stop(token, made, after, rng)
        if token.kind is not Kind.WORD or token.frozen or not token.text.isascii():
            made.append(Tagged(token))
            return 1
        chance = rng.random()
        if chance < 0.07 and after is not None and not after.frozen:
            return self._join_or_drop(token, after, made, rng)
        if chance < 0.11:
            return self._repeat(clean, place, made, rng)
        made += self._word(token, chance, rng)
        return 1

    def _word(self, token: Token, chance: float, rng: random.Random) -> list[Tagged]:
        word = token.text.lower()
        if chance < 0.22:
            return [Tagged(token), Tagged(Token(" ", token.text, Kind.WORD), WordTag.DELETE)]
        if chance < 0.30:
            return [self._recased(token, rng)]
        if chance < 0.42 and (kin := self._lexicon.kin(word)):
            return [self._mistaken(token, rng.choice(kin))]
        if chance < 0.44:
            return [Tagged(Token(token.before or " ", rng.choice(INSERTED), Kind.WORD), WordTag.DELETE), Tagged(token)]
        if chance < 0.46 and len(word) > 4:
            cut = rng.randrange(1, len(word))
            halves = token.text[:cut], token.text[cut:]
            first = Tagged(Token(token.before, halves[0], Kind.WORD))
            return [first, Tagged(Token(" ", halves[1], Kind.WORD), gap=GapTag.CLOSE)]
        if chance < 0.58 and word in self._misspelled:
            return [self._mistaken(token, rng.choice(self._misspelled[word]))]
        slipped = slip(token.text, rng)
        return [self._remedy(token, Token(token.before, slipped, kind_of(slipped)))]

    def _mistaken(self, token: Token, wrong: str) -> Tagged:
        return self._remedy(token, Token(token.before, like(token.text, wrong), kind_of(wrong)))

    def _recased(self, token: Token, rng: random.Random) -> Tagged:
        text, small = token.text, token.text.lower()
        if text != small and small[:1] + text[1:] == small:
            return Tagged(Token(token.before, small, Kind.WORD), case=CaseTag.UPPER)
        if text == small and rng.random() < 0.3:
            return Tagged(Token(token.before, text.capitalize(), Kind.WORD), case=CaseTag.LOWER)
        return Tagged(token)

    def _remedy(self, clean: Token, wrong: Token) -> Tagged:
        """The damaged token with the tag that undoes the damage, if there is one."""
        if wrong.text == clean.text:
            return Tagged(clean)
        found = replacement(self._lexicon, wrong, clean.text) if wrong.kind is Kind.WORD else None
        return found or masked(wrong)

    def _join_or_drop(self, token: Token, after: Token, made: list[Tagged], rng: random.Random) -> int:
        if token.text in INSERTED and rng.random() < 0.8 and after.before:
            gap = GapTag.INSERT + INSERTED.index(token.text)
            made.append(Tagged(Token(token.before, after.text, after.kind, after.frozen), gap=gap))
            return 2
        if after.kind is Kind.WORD and after.before == " " and rng.random() < 0.3:
            made.append(self._joined(token, after, WordTag.SPLIT))
            return 2
        slipped = slip(token.text, rng)
        made.append(self._remedy(token, Token(token.before, slipped, kind_of(slipped))))
        return 1

    def _joined(self, token: Token, after: Token, tag: WordTag) -> Tagged:
        wrong = Token(token.before, token.text + after.text, Kind.WORD)
        split = self._lexicon.read(wrong.text.lower()).split
        return Tagged(wrong, tag if split == f"{token.text} {after.text}".lower() else UNKNOWN)

    def _repeat(self, clean: Sequence[Token], place: int, made: list[Tagged], rng: random.Random) -> int:
        """A run of two to four words said twice."""
        run = clean[place : place + rng.randint(2, 4)]
        if any(token.kind is not Kind.WORD or token.frozen for token in run) or len(run) < 2:
            made.append(Tagged(clean[place]))
            return 1
        made += [Tagged(token) for token in run]
        made += [Tagged(Token(token.before or " ", token.text, Kind.WORD), WordTag.DELETE) for token in run]
        return len(run)

    def _stop(self, token: Token, made: list[Tagged], after: Token | None, rng: random.Random) -> int:
        last = made[-1] if made else None
        between = last is not None and last.token.kind is Kind.WORD and not last.token.frozen
        ahead = after is not None and after.kind is Kind.WORD and not after.frozen and after.before == " "
        choice = rng.randrange(4)
        if choice == 0 and not token.before and between:
            made.append(Tagged(Token(" ", token.text, Kind.STOP), gap=GapTag.CLOSE))
            return 1
        if after is None or last is None or not (ahead and between) or token.text not in (",", ".") or choice == 0:
            made.append(Tagged(token))
            return 1
        if choice == 1:
            made += [Tagged(token), Tagged(Token("", after.text, after.kind), gap=GapTag.BLANK)]
        elif choice == 2 or last.word != WordTag.KEEP or last.gap != GapTag.KEEP or last.case != CaseTag.KEEP:
            made.append(Tagged(after, gap=GapTag.COMMA if token.text == "," else GapTag.STOP))
        else:
            tag = WordTag.SPLIT_COMMA if token.text == "," else WordTag.SPLIT_STOP
            made[-1] = self._joined(last.token, after, tag)
        return 2


def slip(word: str, rng: random.Random) -> str:
    """A slip of the fingers: neighbours swapped, a letter left out, doubled, missed for a near key, or added."""
    if len(word) < 2 or (len(word) == 2 and rng.random() < 0.7):
        return word
    at = rng.randrange(len(word) - 1) if rng.random() < 0.9 else len(word) - 1
    key = rng.choice(_KEYS.get(word[at].lower(), word[at]))
    match rng.randrange(9):
        case 0 | 1 if at + 1 < len(word):
            swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            return swapped if rng.random() < 0.5 else like(word, swapped.lower())
        case 2 | 3:
            return word[:at] + word[at + 1 :]
        case 4 | 5:
            return word[: at + 1] + word[at:]
        case 6 | 7:
            return word[:at] + key + word[at + 1 :]
        case _:
            return word[:at] + rng.choice(_KEYS.get(key, "e")) + word[at:]


def damaged_text(text: str, damage: Damage, share: float, rng: random.Random) -> str:
    """`text` with `share` of its words and stops damaged; code, links and the like are spared."""
    prose = Prose.of(text)
    words = split_words(prose.text)
    pieces = [each.token.before + each.token.text for each in damage.tokens(words.tokens, share, rng)]
    try:
        return prose.restore("".join([*pieces, words.tail]))
    except ValueError:  # a mark went missing
        return text
