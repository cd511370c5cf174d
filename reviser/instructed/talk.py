"""Talk around a revised text ("Here's the improved version:", "Changes made: …"), and how it is told from content.

Only what speaks of the revising itself is talk. A pair that is about revising text may say the same as its content:
there nothing is cut, and the answer can't be used.
"""

import re

from coachlm.pairs import InstructionPair

_REVISED = r"(?:improved|revised|rewritten|reworked|enhanced|polished|refined|corrected|edited|updated|better|final)"
_THING = r"(?:version|revision|response|answer|pair|instruction|rewrite|output|text)"
_LEAD = re.compile(
    rf"[*_#>\s]*+(?:(?:sure|certainly|of course|okay|ok|absolutely|great)[,.!:]*+\s*+)?"
    rf"(?:(?:here(?:['’]s| is| are)|below is|this is|the following is)\b[^\n:]{{0,60}}"
    rf"\b(?:{_REVISED}|rewrite|revision)\b[^\n:]{{0,60}}|(?:the |an? |my )?{_REVISED}\s+{_THING})"
    r"[*_]*+\s*+:[*_]*+[ \t]*+",
    re.I,
)
_ECHO = re.compile(r"\s*+[*_#]{0,3}+\s*+(?:response|answer|output)\s*+:[*_]*+[ \t]*+", re.I)
_TAIL_HEAD = re.compile(
    r"[*_#>\s]{0,20}+(?:explanation|rationale|reasoning|notes?|comments?|(?:key |main |summary of )?(?:the )?"
    r"(?:changes?|revisions?|improvements?|edits?)(?: (?:made|explained|summary))?|what (?:I|was|has) changed)"
    r"\s*+(?:of changes\s*+)?[*_]*+:",
    re.I,
)
_ABOUT_IT = re.compile(
    r"\b(?:I(?:['’]ve| have)? (?:also )?(?:revised|improved|rewrote|rewritten|corrected|fixed|changed|expanded|added|"
    r"removed|clarified|restructured|made|kept|edited|rephrased)\b[^\n]{0,80}\b(?:response|answer|instruction|pair|text|"
    r"version|wording|grammar|phrasing|clarity|structure|layout)\b"
    r"|(?:original|raw|previous|initial) (?:response|answer|pair|instruction|text|version)\b"
    rf"|(?:this|the|my) {_REVISED} {_THING}\b|(?:this|the) (?:revision|rewrite)\b)",
    re.I,
)
_ALWAYS_TALK = re.compile(
    r"[*_#>\s]{0,20}+(?:(?:key|main|summary of(?: the)?) (?:changes|revisions|edits)|"
    r"(?:changes|revisions|improvements|edits) made)\s*+[*_]*+:",
    re.I,
)
_CLOSING = re.compile(
    r"(?:I hope (?:this|that|it) (?:\w+ ){0,3}helps\b|let me know if\b|feel free to (?:ask|let me know|reach)\b|"
    r"if you(?:['’]d like| need| want| have)\b[^\n]{0,80}\b(?:changes|adjustments|revisions|questions|tweaks)\b)"
    r"[^\n]*\Z",
    re.I,
)
_ABOUT_TEXTS = re.compile(
    r"\b(?:improv|revis|rewrit|rewrot|rephras|edit|proofread|correct|polish|refin|enhanc|feedback|critique)\w*",
    re.I,
)
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,}|={3,})\s*")
_FENCE = re.compile(r"\s*+(`{3,}+|~{3,}+)[ ]?+([\w+-]*+)[ \t]*+\n")
_TEXT_FENCES = frozenset({"json", "markdown", "md", "text", "txt", "plaintext"})
_CODE = re.compile(
    r"\b(?:code|function|script|program|command|query|sql|html|css|python|java|javascript|regex|json|yaml|"
    r"bash|shell|class|markdown|latex|config\w*)\b",
    re.I,
)
_LONG_LEAD = 300  # characters; nobody introduces a text at such length


def without_talk(response: str, raw: InstructionPair) -> str | None:
    """The response alone; None where talk can't be told from content."""
    text = _without_rules(without_fence(response.strip(), raw), raw)
    lead = _lead(text, raw)
    body = text[lead:].strip()
    tail = _tail(body, raw)
    cut = lead > 0 or tail < len(body)
    if cut and _is_about_texts(raw):
        return None
    body = _without_closing(body[:tail].strip(), raw)
    return _without_rules(without_fence(body, raw), raw) if cut else body


def without_fence(text: str, raw: InstructionPair) -> str:
    """Without a fence around everything, unless the pair is about what stands in fences."""
    found = _fenced(text)
    if found is None or _fenced(raw.response) is not None:
        return text
    kind, body = found
    asked = f"{raw.instruction}\n{raw.response[:500]}"
    if kind and kind not in _TEXT_FENCES:
        return text
    return text if _CODE.search(asked) and "Response:" not in body else body


def _fenced(text: str) -> tuple[str, str] | None:
    """What kind a text that is one fence says it is, and what stands in it."""
    head, end = _FENCE.match(text), text.rstrip()
    if head is None or not end.endswith(head[1]) or len(end) - len(head[1]) < head.end():
        return None
    body = end[head.end() : len(end) - len(head[1])].rstrip(" \t").removesuffix("\n")
    return None if head[1] in body else (head[2].lower(), body)


def _lead(text: str, raw: InstructionPair) -> int:
    """Where the text begins behind an introduction that the raw response lacks."""
    found = _LEAD.match(text[:_LONG_LEAD])
    if found is None:
        found = _ECHO.match(text[:_LONG_LEAD])
        return 0 if found is None or _ECHO.match(raw.response) else found.end()
    return 0 if _LEAD.match(raw.response) else found.end()


def _tail(text: str, raw: InstructionPair) -> int:
    """Where remarks on the revision begin, paragraphs at the end that the raw response has none of."""
    for found in re.finditer(r"\n\s*\n|\n(?=[*_#>\s]{0,20}[A-Z])", text):
        start = found.end()
        talks = _ALWAYS_TALK.match(text, start) or _ABOUT_IT.search(text, start, start + 400)
        if not (talks and _TAIL_HEAD.match(text, start)):
            continue
        head = text[start : text.index(":", start)].strip(" *_#>\n").lower()
        if head not in raw.response.lower():
            return found.start()
    last = text.rfind("\n\n")
    if last > 0 and _ABOUT_IT.match(text[last:].strip()) and not _ABOUT_IT.search(raw.response):
        return last
    return len(text)


def _without_closing(text: str, raw: InstructionPair) -> str:
    """Without a farewell as a paragraph of its own."""
    start = text.rfind("\n\n")
    if start > 0 and _CLOSING.match(text[start:].strip()) and not _CLOSING.search(raw.response.strip()):
        return text[:start].rstrip()
    return text


def _without_rules(text: str, raw: InstructionPair) -> str:
    """Without rules as first or last line."""
    lines = text.strip().split("\n")
    first, _, last = raw.response.strip().partition("\n")
    if len(lines) > 1 and _RULE.fullmatch(lines[0]) and not _RULE.fullmatch(first):
        lines = lines[1:]
    if len(lines) > 1 and _RULE.fullmatch(lines[-1]) and not _RULE.fullmatch(last.rpartition("\n")[2]):
        lines = lines[:-1]
    return "\n".join(lines).strip()


def _is_about_texts(raw: InstructionPair) -> bool:
    return _ABOUT_TEXTS.search(raw.instruction) is not None
