"""YAML documents, each decoded on its own, safely: no objects, no bombs of aliases, no bottomless nesting."""

# See docs/decisions/0014-check-yaml-events-first.md

import re
from collections.abc import Iterator
from typing import Any

import yaml

from streams.reading.sources.flaws import Flaw, too_long, unreadable
from streams.reading.sources.lines import split_lines

_SEPARATOR = re.compile(rb"---(?:\s.*)?")
_NO_CONTENT = re.compile(rb"\s*(?:#.*|%.*|---\s*|\.\.\.\s*)?")  # blank, a comment, a directive, a mark
_MAX_EXPANSION = 1_000_000
"""Nodes of a document with every alias written out; a recorded session of a day stays far below."""

_CONSTRUCTOR_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What PyYAML lets escape on explicit tags over text that is none of the kind, such as `!!bool x`."""


def yaml_documents(blocks: Iterator[bytes], max_bytes: int, max_nesting: int) -> Iterator[Any | Flaw]:
    """The objects of all documents that have content; one that is no YAML does not hurt the others.

    `---` at the beginning of a line always separates documents, so they are cut before they are parsed.
    """
    for document in _cut(blocks, max_bytes):
        yield document if isinstance(document, Flaw) else _decode(document, max_nesting)


def _cut(blocks: Iterator[bytes], max_bytes: int) -> Iterator[bytes | Flaw]:
    held: list[bytes] = []
    size = 0
    has_content = refused = False
    for line in split_lines(blocks, max_bytes):
        if isinstance(line, bytes) and has_content and _SEPARATOR.fullmatch(line):
            if not refused:
                yield b"\n".join(held)
            held, size, has_content, refused = [], 0, False, False
        if refused:
            continue
        size += len(line) + 1 if isinstance(line, bytes) else max_bytes + 1
        if isinstance(line, Flaw) or size > max_bytes:
            yield too_long("the document", max_bytes, b"\n".join(held))
            held, has_content, refused = [], True, True
            continue
        held.append(line)
        has_content = has_content or not _NO_CONTENT.fullmatch(line)
    if has_content and not refused:
        yield b"\n".join(held)


def _decode(document: bytes, max_nesting: int) -> Any | Flaw:
    try:
        return _inspect(document, max_nesting) or yaml.load(document, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return unreadable(f"not valid YAML (line {line} of the document)", document)
    except (yaml.YAMLError, *_CONSTRUCTOR_ERRORS) as error:
        return unreadable(f"not valid YAML ({type(error).__name__})", document)


def _inspect(document: bytes, max_nesting: int) -> Flaw | None:
    """Refuse what the loader would not survive: it recurses per level, and copies per alias in merges.

    Raises: yaml.YAMLError.
    """
    anchors: dict[str | None, int] = {}  # nodes below each anchor, aliases written out
    sizes: list[int] = [0]  # nodes below each open collection, the document first
    names: list[str | None] = [None]
    for event in yaml.parse(document, Loader=yaml.CSafeLoader):
        match event:
            case yaml.AliasEvent():
                sizes[-1] += anchors.get(event.anchor, 1)
            case yaml.ScalarEvent():
                sizes[-1] += 1
                anchors[event.anchor] = 1
            case yaml.CollectionStartEvent():
                if len(sizes) > max_nesting:
                    return unreadable(f"nested deeper than {max_nesting} levels; COACHLM_MAX_NESTING sets the limit")
                sizes.append(1)
                names.append(event.anchor)
                anchors[event.anchor] = _MAX_EXPANSION + 1  # while it is open: an alias in it makes it endless
            case yaml.CollectionEndEvent():
                below = anchors[names.pop()] = sizes.pop()
                sizes[-1] += below
        if sizes[-1] > _MAX_EXPANSION:
            return unreadable(f"its aliases expand to more than {_MAX_EXPANSION:,} nodes")
    return None
