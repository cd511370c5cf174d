"""Texts and their word-level differences as HTML that shows users' text as text, in any script and direction."""

from html import escape

import streamlit as st

from api.models.base import PairText
from coachlm.distance import DiffKind, word_diff
from coachlm.revision import Field

_LABELS = {Field.INSTRUCTION: "Instruction", Field.INPUT: "Input", Field.RESPONSE: "Response"}
_TAGS = {DiffKind.EQUAL: "", DiffKind.DELETE: "del", DiffKind.INSERT: "ins"}
_BEGIN_CHARS = 160  # of an instruction, where a line has to do
_MAX_CHARS = 60_000  # more is cut for showing; the whole text stands in the editor and in exports


def show_diff(before: PairText, after: PairText) -> None:
    """Field by field; a field that both sides leave empty isn't shown."""
    st.html(_fields(before, after))


def show_folded(pair: PairText, facts: str, detail: str = "") -> None:
    """A line with the beginning of the instruction and `facts`; what opens below it has all texts, after `detail`."""
    begin = " ".join(pair.instruction[:_BEGIN_CHARS].split()) or "(empty instruction)"
    line = f'<b dir="auto">{escape(visible(begin))}</b> <span>{escape(facts)}</span>'
    said = f'<p dir="auto">{escape(visible(detail))}</p>' if detail else ""
    st.html(f'<details class="coachlm-folded"><summary>{line}</summary>{said}{_fields(pair, pair)}</details>')


def _fields(before: PairText, after: PairText) -> str:
    empty = '<p class="coachlm-label">All three texts are empty.</p>'
    return "".join(_field(field, before, after) for field in Field) or empty


def diff_html(before: str, after: str) -> str:
    """One text with what was deleted and inserted marked; nothing of it is markup but our own tags."""
    pieces = []
    for op in word_diff(before[:_MAX_CHARS], after[:_MAX_CHARS]):
        tag, text = _TAGS[op.kind], escape(visible(op.text))
        pieces.append(f"<{tag}>{text}</{tag}>" if tag else text)
    cut = max(len(before), len(after)) - _MAX_CHARS
    return "".join(pieces) + (f" … {cut:,} characters more" if cut > 0 else "")


def visible(text: str) -> str:
    """Control and direction characters, which could hide or turn text, by their code points."""
    return "".join(char if char in "\n\t" or not _hides(char) else f"⟨U+{ord(char):04X}⟩" for char in text)


def _hides(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f" or char in _DIRECTION or 0xD800 <= ord(char) <= 0xDFFF


_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def _field(field: Field, before: PairText, after: PairText) -> str:
    old, new = getattr(before, field.value), getattr(after, field.value)
    if not (old or new):
        return ""
    return (
        f'<p class="coachlm-label">{_LABELS[field]}</p><div class="coachlm-text" dir="auto">{diff_html(old, new)}</div>'
    )
