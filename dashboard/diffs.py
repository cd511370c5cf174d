"""Texts and their word-level differences as HTML that shows users' text as text, in any script and direction."""

from html import escape

import streamlit as st

from api.models.base import PairText
from coachlm.distance import DiffKind, word_diff
from coachlm.revision import Field

_LABELS = {Field.INSTRUCTION: "Instruction", Field.INPUT: "Input", Field.RESPONSE: "Response"}
_TAGS = {DiffKind.EQUAL: "", DiffKind.DELETE: "del", DiffKind.INSERT: "ins"}
_MAX_CHARS = 60_000  # more is cut for showing; the whole text stands in the editor and in exports

_CSS = """<style>
.coachlm-text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; border: 1px solid
  var(--st-border-color, rgba(128,128,128,.4)); border-radius: 4px; padding: .5rem .7rem; margin: 0 0 .6rem;
  max-height: 60vh; overflow: auto; unicode-bidi: isolate; }
.coachlm-label { font-size: .8rem; font-weight: 600; opacity: .85; margin: 0 0 .15rem; }
.coachlm-text ins { background: rgba(46, 160, 67, .25); text-decoration: none; border-bottom: 2px solid #2da44e; }
.coachlm-text del { background: rgba(248, 81, 73, .22); text-decoration: line-through; }
</style>"""


def show_diff(before: PairText, after: PairText) -> None:
    """Field by field; a field that both sides leave empty isn't shown."""
    st.html(_CSS + "".join(_field(field, before, after) for field in Field))


def show_text(pair: PairText) -> None:
    show_diff(pair, pair)


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
