"""Cleaning what a model wrote: invalid characters, remnants of chat templates and repeated strings go.

It knows nothing of what the text should say; `coachlm.text.guards` judges that. Source: paper §III-B1.
"""

import re
from collections import Counter
from itertools import accumulate

from coachlm.pairs import InstructionPair
from coachlm.prompt import COACH_INSTRUCTION
from coachlm.text.markup import overlaps, protected_spans

_INVALID_CHARS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufff9-\ufffd\ufffe\uffff\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef"
    "\U000f0000-\U000ffffd\U00100000-\U0010fffd\U0001fffe\U0001ffff]"
)
_REMNANT = re.compile(
    r"</?s>|<\|[a-zA-Z_]{2,30}(?:\|>|>)|<(?:pad|unk|eos|bos|mask|eop|sop|eod)>|\[(?:PAD|UNK|CLS|SEP|MASK|g?MASK)\]"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜[^｜\n]{1,40}｜>"
)
# What opens a speaker's turn: whatever follows the first one after some text is another turn, not the revision.
_TURN = re.compile(r"<\|(?:im_start|start_header_id|user|system|assistant|human)\|>|\[INST\]|<start_of_turn>")
_TURN_HEAD = re.compile(
    r"\A(?:\s|<\|(?:start_header_id|end_header_id|im_start)\|>|<start_of_turn>|\b(?:assistant|model)\b)+"
)

_TOKEN = re.compile(r"[A-Za-z0-9_'’]+|\s+|.", re.DOTALL)
_CHAR_RUN = re.compile(r"(\w{1,4}?)\1{24,}")
_LINE_LEAD = re.compile(r"^(?:[-*+•>#]|\(?\d{1,4}[.):]|\s)+")

_SENTENCE_START = re.compile(r"[.!?][\"')\]]?\s+|[。！？]|\n\s*")
_CODE_LIKE = frozenset("|<>{};=")
_ASKS_REPETITION = re.compile(
    r"\b(?:repeat\w*|repetiti\w+|\d+ times|(?:three|five|ten|hundred|many) times|chorus|refrain)\b", re.I
)
_NO_INPUT = re.compile(
    r"[`<\[(\"' ]*(?:no[ _-]?inputs?(?: (?:required|needed|necessary|given|provided))?|n/?a|none|null)[`>\])\"'. ]*",
    re.I,
)


def is_placeholder_input(text: str) -> bool:
    """Whether an input says that there is none: `Noinput`, `<no input>`, `N/A`; such an input may be dropped."""
    return len(text) <= 60 and _NO_INPUT.fullmatch(text.strip()) is not None


def clean_output(text: str, raw: InstructionPair) -> str:
    """The generated text without what no revision should contain; what the raw pair itself contains is tolerated.

    Idempotent for practical purposes; linear in the text's length.
    """
    known = raw.known_text
    text = strip_invalid(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _strip_remnants(text, known)
    return text if asks_for_repetition(raw) else strip_repeats(text, known)


def asks_for_repetition(raw: InstructionPair) -> bool:
    """Whether text that comes again and again may be what was asked for."""
    return _ASKS_REPETITION.search(raw.instruction) is not None


def strip_invalid(text: str) -> str:
    """Without control characters (but line feed and tab), replacement characters, private use and lone surrogates."""
    return _INVALID_CHARS.sub("", text)


def _strip_remnants(text: str, known: str) -> str:
    if "<" not in text and "[" not in text:
        return text
    head = _TURN_HEAD.match(text)
    if head and "<" in head[0] and head[0].strip() not in known:
        text = text[head.end() :]
    for turn in _TURN.finditer(text):
        if turn.start() and turn[0] not in known:
            text = text[: turn.start()]
            break
    return _REMNANT.sub(lambda match: match[0] if match[0] in known else "", text)


def strip_repeats(text: str, known: str = "") -> str:
    """Without strings that loop: the first occurrence stays, or as many in a row as stand in `known`.

    A unit of one word must come often, a long sentence only three times in a row: see `repeats_allowed`. Code and
    tables keep everything; units without a letter (rules, dots, blanks) only count when they run very long.
    """
    text = _CHAR_RUN.sub(lambda match: _shortened_run(match, known), text)
    text = _without_runs(text, _runs(text), known)
    return _without_repeated_lines(text, known)


def _shortened_run(match: re.Match[str], known: str) -> str:
    wordless = not any(char.isalpha() for char in match[1])
    sequence = len(match[1]) > 1 and match[1].isupper()  # of genes, say
    if match[0] in known or sequence or (wordless and len(match[0]) < 400):
        return match[0]
    return match[1] * 3


def _runs(text: str) -> list[tuple[int, int, int]]:
    """(start, unit length, end) in characters of every stretch that repeats a unit of tokens back to back.

    One pass: where a token trigram was last seen d tokens ago, d is tried as a period; how far a period holds is
    remembered, so that no stretch is compared twice with the same one.
    """
    tokens = _TOKEN.findall(text)
    starts = [0, *accumulate(map(len, tokens))]
    seen: dict[tuple[str, str, str], int] = {}
    holds_until: dict[int, int] = {}
    runs: list[tuple[int, int, int]] = []
    done = 0
    for index, trigram in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        period = index - seen.get(trigram, index)
        seen[trigram] = index
        if not period or index < done or index < holds_until.get(period, 0):
            continue
        first, stop = _stretch(tokens, index, period, done)
        holds_until[period] = stop
        if stop - first >= period:
            runs.append((starts[first - period], starts[first] - starts[first - period], starts[stop]))
            done = stop
    return runs


def _stretch(tokens: list[str], index: int, period: int, floor: int) -> tuple[int, int]:
    """Around `index`, the token range whose every token equals the one `period` before it."""
    first, stop = index, index
    while stop < len(tokens) and tokens[stop] == tokens[stop - period]:
        stop += 1
    while first - period > floor and index - first < period and tokens[first - 1] == tokens[first - 1 - period]:
        first -= 1
    return first, stop


def _without_runs(text: str, runs: list[tuple[int, int, int]], known: str) -> str:
    protected = protected_spans(text)
    pieces: list[str] = []
    position = 0
    for start, length, end in runs:
        unit = text[start : start + length]
        times = (end - start) // length
        if start < position or times < repeats_allowed(unit) or overlaps(protected, start, end):
            continue
        kept = _times_in_a_row(unit, known, times)
        if kept == times:
            continue
        if _breaks_off(text, length, end):
            pieces.append(text[position : start + _phase(unit) + kept * length])
            position = len(text)
        else:  # whole units go, so that what follows still joins
            pieces.append(text[position : end - (times - kept) * length])
            position = end
    return "".join([*pieces, text[position:]])


def _phase(unit: str) -> int:
    """Where in the unit a sentence or line begins: a run is cut there, so that the rest ends with a whole one."""
    begin = _SENTENCE_START.search(unit)
    return begin.end() % len(unit) if begin else 0


def _breaks_off(text: str, length: int, end: int) -> bool:
    """Whether nothing follows the run but its next token, cut short by the end of the text."""
    rest = text[end:]
    return len(rest) < 40 and text.startswith(rest, end - length)


def repeats_allowed(unit: str) -> int:
    """From how many occurrences in a row on a unit counts as a loop."""
    if not any(char.isalpha() for char in unit):
        return max(400 // max(len(unit), 1), 4)  # nothing to read, rules, dot leaders, blank lines, zeros
    if len(unit.split()) == 1 and (unit.isascii() or len(unit) < 4):
        return 12  # "ha ha ha", "very very very"
    if len(unit) < 20 or (len(unit) < 60 and not any(stop in unit for stop in ".!?\n")):
        return 6
    return 3 if len(unit) < 120 else 2


def _times_in_a_row(unit: str, known: str, most: int) -> int:
    """How often `unit` stands back to back in `known`, at least 1, at most `most`."""
    times = 1
    while times < most and unit * (times + 1) in known:
        times += 1
    return times


def _without_repeated_lines(text: str, known: str) -> str:
    """Drop later copies of long lines when they are nearly all of the text: numbered loops, `1. x`, `2. x`, …"""
    lines = text.split("\n")
    keys = [_LINE_LEAD.sub("", line).strip().casefold() for line in lines]
    counts = Counter(key for key in keys if len(key) >= 25 and _CODE_LIKE.isdisjoint(key))
    copies = {key for key, count in counts.items() if count >= 4}
    total = sum(1 for key in keys if key)
    if not copies or sum(counts[key] for key in copies) < 0.8 * total or "```" in text:
        return text
    known_lines = Counter(_LINE_LEAD.sub("", line).strip().casefold() for line in known.split("\n"))
    left = {key: max(1, known_lines[key]) for key in copies}
    kept: list[str] = []
    for line, key in zip(lines, keys, strict=True):
        if key in left:
            left[key] -= 1
            if left[key] < 0:
                continue
        kept.append(line)
    return "\n".join(kept)


def invalid_reason(revised: InstructionPair, raw: InstructionPair) -> str | None:
    """Why a parsed pair is not a valid one; None when it is. Emptiness is `parse_revised`'s to refuse."""
    known = raw.known_text
    for text in (revised.instruction, revised.input, revised.response):
        if COACH_INSTRUCTION in text and COACH_INSTRUCTION not in known:
            return "prompt_echoed"
    if "\nInstruction:" in revised.response and "\nInstruction:" not in known:
        return "several_pairs"
    same = revised.response.casefold() == revised.instruction.casefold()
    if same and raw.response.strip().casefold() != raw.instruction.strip().casefold():
        return "repeated_instruction"
    if not any(char.isalnum() for char in revised.instruction) and any(char.isalnum() for char in raw.instruction):
        return "empty_instruction"
    return None
