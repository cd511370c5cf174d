"""What speaks for or against a candidate: figures of its text beside the raw one, each with words for people.

All are computed from texts alone but the likelihoods, which an engine adds where it can tell them; what is not known
counts as average.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coachlm.acceptance.candidates import Candidate, Origin
from coachlm.pairs import InstructionPair
from coachlm.revision import ADDED_FACTS, FlagKind
from coachlm.text.distance import word_distance
from coachlm.text.guards import kept
from coachlm.text.guards.content import list_items, stems
from coachlm.text.markup import code_blocks
from coachlm.text.sums import sums

_WORD = re.compile(r"[^\W_]+")
_HEADING = re.compile(r"^(?:#{1,6} |\*\*[^*\n]{1,60}\*\*:?\s*$)", re.MULTILINE)
_TALK = re.compile(
    r"(?:sure|certainly|of course|absolutely|here (?:is|are)|here's|i hope|the (?:revised|improved|following))\b", re.I
)
_WHOLE = re.compile(r"[.!?…:;)\]}\"”'’`*|>]\s*$|\A[^.\n]{0,80}\Z")


@dataclass(frozen=True, slots=True)
class Feature:
    """A figure's name, and what it says where it is higher and where it is lower than usual."""

    name: str
    higher: str
    lower: str


FEATURES = (
    Feature("kept_words", "keeps what the response said", "drops much of what the response said"),
    Feature("kept_numbers", "keeps its numbers", "drops numbers of the response"),
    Feature("kept_names", "keeps its names", "drops names of the response"),
    Feature("kept_items", "keeps its list", "drops items of its list"),
    Feature("raw_words", "the raw response is long", "the raw response is short"),
    Feature("growth", "is longer than the raw response", "is hardly longer than the raw response"),
    Feature("shrinking", "is shorter than the raw response", "is not shorter than the raw response"),
    Feature("overgrowth", "is several times as long", "does not grow beyond measure"),
    Feature("edit_share", "changes much of the text", "changes little of the text"),
    Feature("new_words", "says much that is new", "says little that is new"),
    Feature("on_topic", "takes up more of the instruction's words", "takes up fewer of the instruction's words"),
    Feature("repetition", "repeats itself", "does not repeat itself"),
    Feature(
        "repetition_mended", "repeats itself less than the raw response", "repeats itself as the raw response does"
    ),
    Feature("added_facts", "adds numbers, names or links to check", "adds no facts to check"),
    Feature("over_expansion", "answers a trivial request at length", "keeps to what was asked"),
    Feature("lost_content", "may have lost content", "shows no lost content"),
    Feature("wrong_sums", "has a sum that does not add up", "has no wrong sum"),
    Feature("sums_mended", "mends a sum that did not add up", "mends no sum"),
    Feature("items_added", "lays it out as a list", "has no more list items"),
    Feature("layout_added", "adds headings, paragraphs or code blocks", "has no more layout"),
    Feature("talk", "talks about the answer", "does not talk about the answer"),
    Feature("ends_whole", "ends with a whole sentence", "breaks off"),
    Feature("raw_breaks_off", "the raw response breaks off", "the raw response ends whole"),
    Feature("instruction_edits", "changes the instruction", "leaves the instruction alone"),
    Feature("agreement", "other attempts say the same", "other attempts say something else"),
    Feature("copy_edits", "leaves more for a copy-editor to mend", "leaves less for a copy-editor to mend"),
    Feature("by_copy_editor", "is the copy-editor's text", "is a model's text"),
    Feature("drawn", "was drawn", "is the model's likeliest text"),
    Feature("nats", "the model itself finds it unlikely", "the model itself finds it likely"),
    Feature(
        "nats_gained", "the model finds it less likely than the raw text", "the model finds it likelier than the raw"
    ),
    Feature("base_nats", "reads unusually", "reads fluently"),
    Feature("base_nats_gained", "reads less fluently than the raw text", "reads more fluently than the raw text"),
)
BETTER_HIGHER = frozenset(
    {"kept_words", "kept_numbers", "kept_names", "kept_items", "sums_mended", "repetition_mended", "on_topic"}
    | {"ends_whole", "agreement"}
)
"""What speaks for a text, if it says anything: a model never weighs it against one, and never tells it as a reason."""
BETTER_LOWER = frozenset(
    {"repetition", "over_expansion", "lost_content", "wrong_sums", "talk", "overgrowth", "added_facts", "copy_edits"}
)
"""The other way round."""
NAMES = tuple(feature.name for feature in FEATURES)
WORDS = {feature.name: feature for feature in FEATURES}


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the candidates' texts."""

    mended: Mapping[str, InstructionPair] | None = None  # what a copy-editor makes of each text, by its id
    nats: Mapping[str, float] | None = None  # a token of each response, raw one's too, by the pair's id: the coach
    base_nats: Mapping[str, float] | None = None  # the same by the base without an adapter


NOTHING = Beside()


def measure(raw: InstructionPair, candidates: Sequence[Candidate], beside: Beside = NOTHING) -> list[dict[str, float]]:
    """Of each candidate the figures that are known, by name."""
    said = [stems(each.text.response) for each in candidates]
    found: list[dict[str, float]] = []
    for place, candidate in enumerate(candidates):
        others = [
            words for at, words in enumerate(said) if at != place and candidates[at].origin is not candidate.origin
        ]
        figures = _of_text(raw, candidate) | _of_origin(candidate) | _likelihoods(raw, candidate, beside)
        figures |= _copy_edits(raw, candidate, beside)
        if others:
            figures["agreement"] = sum(_alike(said[place], each) for each in others) / len(others)
        found.append(figures)
    return found


def _of_text(raw: InstructionPair, candidate: Candidate) -> dict[str, float]:
    text, before, after = candidate.text, raw.response, candidate.text.response
    share, growth = kept(raw, text), _growth(before, after)
    asked = stems(f"{raw.instruction}\n{raw.input}")
    new = stems(after) - stems(f"{raw.instruction}\n{raw.input}\n{before}")
    return {
        "kept_words": share.words,
        "kept_numbers": share.numbers,
        "kept_names": share.names,
        "kept_items": share.items,
        "raw_words": math.log1p(len(before.split())),
        "growth": max(growth, 0.0),
        "shrinking": max(-growth, 0.0),
        "overgrowth": max(growth - math.log(3), 0.0),
        "edit_share": word_distance(before, after) / max(len(before.split()), len(after.split()), 1),
        "new_words": len(new) / max(len(stems(after)), 1),
        "on_topic": _share_said(asked, after) - _share_said(asked, before),
        "raw_breaks_off": float(_WHOLE.search(before) is None),
        "ends_whole": float(_WHOLE.search(after) is not None),
        "talk": float(_talks(after) and not _talks(before)),
        "instruction_edits": math.log1p(word_distance(_asked(raw), _asked(text))),
        **_repetitions(before, after),
        **_facts(raw, candidate),
        **_layout(before, after),
    }


def _growth(before: str, after: str) -> float:
    """Of the words, as a logarithm; few words count less."""
    return math.log((len(after.split()) + 5) / (len(before.split()) + 5))


def _facts(raw: InstructionPair, candidate: Candidate) -> dict[str, float]:
    kinds = Counter(flag.kind for flag in candidate.revision.flags)
    before, after = sums(raw.response), sums(candidate.text.response)
    return {
        "added_facts": math.log1p(sum(kinds[kind] for kind in ADDED_FACTS)),
        "over_expansion": float(kinds[FlagKind.OVER_EXPANSION] > 0),
        "lost_content": float(kinds[FlagKind.LOST_CONTENT] > 0),
        "wrong_sums": math.log1p(after.count(False)),
        "sums_mended": float(before.count(False) > 0 and not after.count(False)),
    }


def _repetitions(before: str, after: str) -> dict[str, float]:
    old, new = _repeated(before), _repeated(after)
    return {"repetition": max(new - old, 0.0), "repetition_mended": max(old - new, 0.0)}


def _layout(before: str, after: str) -> dict[str, float]:
    items = list_items(after) - list_items(before)
    return {
        "items_added": math.copysign(math.log1p(abs(items)), items),
        "layout_added": math.log1p(max(_laid_out(after) - _laid_out(before), 0)),
    }


def _laid_out(text: str) -> int:
    return text.count("\n\n") + len(_HEADING.findall(text)) + 2 * len(code_blocks(text))


def _of_origin(candidate: Candidate) -> dict[str, float]:
    return {
        "by_copy_editor": float(candidate.origin in (Origin.COPY_EDITED, Origin.RULES)),
        "drawn": float(candidate.origin in (Origin.SAMPLED, Origin.PREFILLED_SAMPLED)),
    }


def _likelihoods(raw: InstructionPair, candidate: Candidate, beside: Beside) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, known in (("nats", beside.nats), ("base_nats", beside.base_nats)):
        if known is not None and candidate.digest in known and raw.id in known:
            found[name] = known[candidate.digest]
            found[f"{name}_gained"] = known[candidate.digest] - known[raw.id]
    return found


def _copy_edits(raw: InstructionPair, candidate: Candidate, beside: Beside) -> dict[str, float]:
    """How many more words the copy-editor would touch than in the raw text."""
    mended = beside.mended or {}
    if raw.id not in mended or candidate.digest not in mended:
        return {}
    left = [word_distance(each.response, mended[each.id].response) for each in (raw, candidate.text)]
    return {"copy_edits": math.copysign(math.log1p(abs(left[1] - left[0])), left[1] - left[0])}


def _asked(pair: InstructionPair) -> str:
    return f"{pair.instruction}\n{pair.input}"


def _talks(text: str) -> bool:
    return _TALK.match(text.lstrip()) is not None


def _share_said(asked: frozenset[str], text: str) -> float:
    return len(asked & stems(text)) / len(asked) if asked else 0.0


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _repeated(text: str) -> float:
    """The share of its runs of three words that stood there before."""
    words = _WORD.findall(text.casefold())
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
