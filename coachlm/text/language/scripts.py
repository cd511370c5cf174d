"""Which scripts a text is written in: what a script is never used for is ruled out by it."""

from bisect import bisect_right
from collections import Counter

_BLOCKS = (
    (0x0000, "Latin"),
    (0x0370, "Greek"),
    (0x0400, "Cyrillic"),
    (0x0530, "Armenian"),
    (0x0590, "Hebrew"),
    (0x0600, "Arabic"),
    (0x0700, "other"),
    (0x0750, "Arabic"),
    (0x0780, "other"),
    (0x0900, "Devanagari"),
    (0x0980, "Bengali"),
    (0x0A00, "Gurmukhi"),
    (0x0A80, "Gujarati"),
    (0x0B00, "Oriya"),
    (0x0B80, "Tamil"),
    (0x0C00, "Telugu"),
    (0x0C80, "Kannada"),
    (0x0D00, "Malayalam"),
    (0x0D80, "Sinhala"),
    (0x0E00, "Thai"),
    (0x0E80, "Lao"),
    (0x0F00, "Tibetan"),
    (0x1000, "Myanmar"),
    (0x10A0, "Georgian"),
    (0x1100, "Hangul"),
    (0x1200, "Ethiopic"),
    (0x13A0, "other"),
    (0x1780, "Khmer"),
    (0x1800, "other"),
    (0x1E00, "Latin"),
    (0x1F00, "Greek"),
    (0x2000, "other"),
    (0x3040, "Kana"),
    (0x3100, "Han"),
    (0x3130, "Hangul"),
    (0x3190, "other"),
    (0x31F0, "Kana"),
    (0x3200, "other"),
    (0x3400, "Han"),
    (0xA000, "other"),
    (0xAC00, "Hangul"),
    (0xD800, "other"),
    (0xF900, "Han"),
    (0xFB00, "Latin"),
    (0xFB1D, "Hebrew"),
    (0xFB50, "Arabic"),
    (0xFE00, "other"),
    (0xFE70, "Arabic"),
    (0xFEFF, "other"),
    (0xFF21, "Latin"),
    (0xFF5B, "other"),
    (0xFF66, "Kana"),
    (0xFFA0, "Hangul"),
    (0xFFE0, "other"),
    (0x20000, "Han"),
    (0x32000, "other"),
)
_STARTS = [start for start, _ in _BLOCKS]
_LETTERS_A_WORD = {"Han": 2, "Kana": 3, "Hangul": 2}
_LETTERS_A_LATIN_WORD = 5

ONE_LANGUAGE = {
    "Greek": "el", "Armenian": "hy", "Hebrew": "he", "Bengali": "bn", "Gurmukhi": "pa", "Gujarati": "gu", "Oriya": "or",
    "Tamil": "ta", "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Lao": "lo",
    "Tibetan": "bo", "Myanmar": "my", "Georgian": "ka", "Hangul": "ko", "Ethiopic": "am", "Khmer": "km", "Kana": "ja",
    "Han": "zh",
}  # fmt: skip
"""Scripts that practically one language is written in today."""


def letters_by_script(text: str) -> Counter[str]:
    if text.isascii():
        latin = sum(map(str.isalpha, text))
        return Counter({"Latin": latin} if latin else {})
    counts: Counter[str] = Counter()
    for char in text:
        if char.isalpha():
            counts[_BLOCKS[bisect_right(_STARTS, ord(char)) - 1][1]] += 1
    return counts


def words_by_script(letters: Counter[str]) -> Counter[str]:
    """About how many words the letters make, times ten; Japanese is told by its kana, so that its Han count with it."""
    words: Counter[str] = Counter()
    for script, count in letters.items():
        if script != "other":
            words[script] = 10 * count // _LETTERS_A_WORD.get(script, _LETTERS_A_LATIN_WORD)
    if words["Kana"] and 10 * letters["Kana"] >= letters["Han"]:
        words["Kana"] += words.pop("Han", 0)
    return +words
