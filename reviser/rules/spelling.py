"""Mending typos one slip away from a common word, and only where nothing speaks for the word as it stands.

It knows lower-case English words; names, capitals, digits and rare words are not its business. The word list is that of
symspellpy (Google Books counts of SCOWL's words, British spelling first).
"""

from functools import cache
from importlib.resources import files

from symspellpy import SymSpell, Verbosity

_WORDS = "frequency_dictionary_en_82_765.txt"

# How an American spelling becomes the British one that the word list has.
_AMERICAN = (
    ("or", "our"),
    ("er", "re"),
    ("ize", "ise"),
    ("iza", "isa"),
    ("izi", "isi"),
    ("yze", "yse"),
    ("yzi", "ysi"),
    ("og", "ogue"),
    ("ense", "ence"),
    ("e", "ae"),
    ("e", "oe"),
    ("a", "ae"),
    ("led", "lled"),
    ("ling", "lling"),
    ("ler", "ller"),
    ("lous", "llous"),
    ("lry", "llery"),
    ("llment", "lment"),
    ("llful", "lful"),
    ("ifact", "efact"),
    ("am", "amme"),
    ("sk", "sc"),
    ("ck", "que"),
    ("air", "aero"),
    ("x", "ct"),
    ("gment", "gement"),
    ("ow", "ough"),
    ("old", "ould"),
    ("c", "s"),
    ("s", "c"),
    ("mom", "mum"),
    ("math", "maths"),
    ("gray", "grey"),
    ("chili", "chilli"),
    ("i", "y"),
    ("ir", "yr"),
    ("z", "s"),
    ("num", "nium"),
)
_SUFFIXES = (
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "er",
    "ers",
    "r",
    "rs",
    "ly",
    "ness",
    "less",
    "able",
    "ist",
    "ists",
    "ism",
    "y",
    "ish",
    "like",
    "wise",
    "ization",
    "ize",
    "ized",
    "izing",
    "al",
    "ally",
    "ic",
    "ity",
)
_PREFIXES = (
    "un",
    "re",
    "non",
    "pre",
    "over",
    "under",
    "micro",
    "macro",
    "multi",
    "bio",
    "neuro",
    "anti",
    "sub",
    "super",
    "inter",
    "hyper",
    "mis",
    "dis",
    "co",
    "de",
    "out",
    "up",
    "down",
    "back",
    "self",
    "semi",
    "photo",
    "geo",
    "eco",
    "poly",
    "mono",
    "trans",
    "ultra",
    "cyber",
    "tele",
    "electro",
    "thermo",
    "nano",
    "meta",
    "para",
    "post",
    "pro",
    "mini",
    "mega",
    "auto",
    "hydro",
    "e",
)
_NEIGHBOURS = {
    "q": "wa",
    "w": "qes",
    "e": "wrd",
    "r": "etf",
    "t": "ryg",
    "y": "tuh",
    "u": "yij",
    "i": "uok",
    "o": "ipl",
    "p": "o",
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
_VOWELS = frozenset("aeiouy")

_MIN_SCORE = 3e6  # likelihood of the slip times the count of the word in a corpus of 10¹² words
_SURE_SLIP = 2.0  # swaps and doubled letters; any other slip may as well be jargon, the more so in a short word
_FACTORS = {5: 200.0, 6: 20.0, 7: 10.0, 8: 3.0, 9: 3.0}  # by the word's length
_MARGIN = 20  # how much likelier than the next candidate the best one must be
_MIN_LETTERS = 3
# As many letters or fewer are a name or loan word as often as a typo, unless two changed places in a very common word.
_SWAPS_ONLY = {3: 5e9, 4: 1e9}


class Speller:
    """Holds the word list (about a second to load); its answers depend on nothing else. Threads may share one."""

    def __init__(self) -> None:
        self.symspell = SymSpell(max_dictionary_edit_distance=1, prefix_length=7)
        self.symspell.load_dictionary(str(files("symspellpy") / _WORDS), 0, 1, encoding="utf-8-sig")
        self._words: dict[str, int] = self.symspell.words
        self._verdicts: dict[str, str | None] = {}

    def count(self, word: str) -> int:
        """How common a lower-case word is; 0 for one that is not listed."""
        return self._words.get(word, 0)

    def knows(self, word: str) -> bool:
        """Whether a lower-case word is listed, in British or American spelling."""
        return word in self._words or self._is_american(word)

    def correction(self, word: str) -> str | None:
        """What a lower-case ASCII word was meant to be; None when it is a word, or when there is any doubt."""
        if len(word) < _MIN_LETTERS or len(word) > 30 or word in self._words:
            return None
        verdict = self._verdicts.get(word, "")  # another thread may clear them at any moment
        if verdict == "":
            if len(self._verdicts) > 50_000:
                self._verdicts.clear()
            verdict = self._verdicts[word] = self._judge(word)
        return verdict

    def _judge(self, word: str) -> str | None:
        candidates = [found for found in self.symspell.lookup(word, Verbosity.ALL, 1) if found.term.isalpha()]
        if not candidates or self._is_american(word) or self.is_derived(word):
            return None
        scores = sorted(
            ((slip_weight(word, found.term) * found.count, found.term) for found in candidates), reverse=True
        )
        best, term = scores[0]
        if best < _MIN_SCORE * (1.0 if slip_weight(word, term) >= _SURE_SLIP else _FACTORS.get(len(word), 1.0)):
            return None
        if len(scores) > 1 and best < _MARGIN * scores[1][0]:
            return None
        if len(word) in _SWAPS_ONLY and (sorted(word) != sorted(term) or self.count(term) < _SWAPS_ONLY[len(word)]):
            return None
        return term

    def _is_american(self, word: str) -> bool:
        for american, british in _AMERICAN:
            place = word.find(american)
            while place >= 0:
                if word[:place] + british + word[place + len(american) :] in self._words:
                    return True
                place = word.find(american, place + 1)
        return False

    def is_derived(self, word: str) -> bool:
        """Whether known parts make up the word: `tokenizer`, `gameplay`, `neurogenetic`."""
        for suffix in _SUFFIXES:
            stem = word.removesuffix(suffix)
            if len(stem) >= 4 and stem != word and self._is_stem(stem) and not self._lacks_a_letter(stem, suffix):
                return True
        rests = (word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix))
        if any(len(rest) >= 4 and self.knows(rest) for rest in rests):
            return True
        return any(word[:cut] in self._words and word[cut:] in self._words for cut in range(3, len(word) - 2))

    def _lacks_a_letter(self, stem: str, suffix: str) -> bool:
        """Whether the stem's last consonant should have been doubled: `occured`, `begining`, but not `traveled`."""
        return (
            stem[-1] not in "lps"
            and f"{stem}{stem[-1]}{suffix}" in self._words
            and f"{stem}{suffix}" not in self._words
        )

    def _is_stem(self, stem: str) -> bool:
        forms = [stem, f"{stem}e"]
        if stem[-1] == stem[-2]:
            forms.append(stem[:-1])  # running → run
        if stem[-1] == "i":
            forms.append(f"{stem[:-1]}y")  # happier → happy
        return any(self.knows(form) for form in forms)


@cache
def shared_speller() -> Speller:
    """The process's own: a refresh builds several coaches, and each would load the same words."""
    return Speller()


def slip_weight(word: str, meant: str) -> float:
    """How likely fingers that meant `meant` typed `word`, one edit away, on a scale of ours: a swap of neighbours 3, a
    doubled or halved letter 2, a near key or vowel 1; slips at the ends of a word are rarer than other words there."""
    at = next((i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), min(len(word), len(meant)))
    if len(word) == len(meant):
        weight = _replaced(word, meant, at)
    elif len(word) < len(meant):
        weight = 2.0 if meant[at] in (meant[at - 1 : at], meant[at + 1 : at + 2]) else 1.0
    else:
        weight = _inserted(word, at)
    if at == 0 and weight < 3:
        weight *= 0.1
    if at >= min(len(word), len(meant)) - (len(word) == len(meant)) and weight < 2:
        weight *= 0.1
    return weight


def _replaced(word: str, meant: str, at: int) -> float:
    if word[at + 1 : at + 2] == meant[at] and word[at] == meant[at + 1 : at + 2]:
        return 3.0
    vowels = word[at] in _VOWELS and meant[at] in _VOWELS
    return 1.0 if vowels or word[at] in _NEIGHBOURS.get(meant[at], "") else 0.1


def _inserted(word: str, at: int) -> float:
    letter, around = word[at], word[max(at - 1, 0) : at] + word[at + 1 : at + 2]
    if letter in around:
        return 2.0
    return 1.0 if any(letter in _NEIGHBOURS.get(near, "") for near in around) else 0.3
