"""Content as providers and tools write it: texts, calls and results of tools, reasoning, documents, media.

One tolerant reader serves every format: OpenAI, Anthropic, Gemini, Bedrock, OpenTelemetry, LangChain and the AI SDK
differ in the names of few keys, and logs mix them. A part of an unknown kind is left out with a note.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from coachlm.text.blanks import is_blank
from streams.reading.formats.messages.extracts import outcome_of_call, reasoning_text, result_text
from streams.reading.formats.parts.fields import Record, first_of, mapping, names_of
from streams.reading.formats.parts.outcomes import json_type
from streams.reading.sources.records import Role

_KINDS = {
    "text": "text input_text output_text plain_text markdown",
    "call": "tool_call tool_use function_call tool-call server_tool_use mcp_tool_use mcp_call custom_tool_call function"
    " tool-invocation dynamic-tool executable_code toolrequest tool_request",
    "result": "tool_result tool_call_response function_response tool-result function_call_output web_search_tool_result"
    " custom_tool_call_output code_execution_result toolresponse tool_response",
    "reasoning": "thinking redacted_thinking reasoning thought reasoning_text reasoning_summary summary_text"
    " redacted-reasoning think",
    "silent": "item_reference compaction step-start step-finish source-url source-document source citation citations"
    " cache_point container_upload mcp_list_tools mcp_approval_request mcp_approval_response token_budget signature"
    " tool_reference encrypted_content flag program additional_tools fallback",
    "refusal": "refusal",
    "document": "document",
    "search_result": "search_result",
}
_KIND_OF = {kind: name for name, kinds in _KINDS.items() for kind in kinds.split()}
_BY_KEY = {
    "functionCall": "call",
    "function_call": "call",
    "toolUse": "call",
    "executableCode": "call",
    "executable_code": "call",
    "functionResponse": "result",
    "function_response": "result",
    "toolResult": "result",
    "codeExecutionResult": "result",
    "code_execution_result": "result",
    "reasoningContent": "reasoning",
    "cachePoint": "silent",
    "thoughtSignature": "silent",
    "guardContent": "wrapper",
    "citationsContent": "wrapper",
    "searchResult": "search_result",
    "document": "document",
    "inlineData": "media",
    "inline_data": "media",
    "fileData": "media",
    "file_data": "media",
    "image": "media",
    "video": "media",
    "audio": "media",
    "asset_pointer": "media",
    "image_url": "media",
}
_MEDIA = re.compile(r"image|audio|video|file|media|photo|screenshot|blob|uri|pdf|attachment|sound|voice", re.I)
_LEVELS = 4  # how deep parts may lie within parts
_PLAIN = re.compile(r"[\w.:-]{1,40}")


@dataclass(slots=True)
class Content:
    """What a message holds, taken apart."""

    texts: list[str] = field(default_factory=list)
    seams: set[int] = field(default_factory=set)  # texts before which a tool or a thought stood
    results: list[str] = field(default_factory=list)  # of tools
    material: list[str] = field(default_factory=list)  # documents and search results given beside the text
    reasoning: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was left out because nobody knows it
    multi_modal: bool = False
    tool_call: bool = False
    refused: bool = False

    def text(self, role: Role) -> str:
        """An assistant's parts are one text cut at citations, or several around a tool; a user's are separate texts."""
        if role is not Role.ASSISTANT:
            return "\n".join(self.texts)
        whole = ""
        for index, text in enumerate(self.texts):
            apart = index in self.seams and whole and text
            if apart and not whole[-1].isspace() and not text[0].isspace():
                whole += "\n\n"
            whole += text
        return whole

    def seam(self) -> None:
        """What is said from here on stands apart from what was said before."""
        if self.texts:
            self.seams.add(len(self.texts))

    def absorb(self, other: "Content") -> None:
        first = len(self.texts)
        self.seams |= {first + seam for seam in other.seams}
        self.texts += other.texts
        self.results += other.results
        self.material += other.material
        self.reasoning += other.reasoning
        self.notes += other.notes
        self.multi_modal |= other.multi_modal
        self.tool_call |= other.tool_call
        self.refused |= other.refused


def read_content(value: Any, name: str = "content", levels: int = _LEVELS) -> Content:
    """Content as text, a part, or a list of parts; what can't be read stands in the notes."""
    content = Content()
    if isinstance(value, str):
        content.texts.append(value)
    elif isinstance(value, dict):
        _add_part(content, value, name, levels)
    elif isinstance(value, list):
        for part in value:
            if isinstance(part, str):
                content.texts.append(part)
            elif isinstance(part, dict):
                _add_part(content, part, name, levels)
            elif part is not None:
                content.notes.append(f"`{name}[]` is {json_type(part)}, not text or an object")
    elif value is not None:
        content.notes.append(f"`{name}` is {json_type(value)}, not text or an array of parts")
    return content


def category(kind: str) -> str | None:
    """What a part or item of this type is; None for an unknown one."""
    lowered = kind.lower()
    if (known := _KIND_OF.get(lowered)) is not None:
        return known
    if lowered.endswith(("_tool_result", "_call_output", "_result", "_output")):
        return "result"
    if lowered.startswith(("image_generation", "image_gen")):
        return "media"
    if lowered.endswith(("_call", "tool_use")) or lowered.startswith("tool-"):
        return "call"
    if lowered.startswith("data-"):
        return "silent"
    return "media" if _MEDIA.search(kind) else None


def kind_of(part: Record) -> str | None:
    kind = first_of(part, "type", "content_type")
    return kind if isinstance(kind, str) else None


def _category_of(part: Record) -> str | None:
    kind = kind_of(part)
    if part.get("thought") is True:  # Gemini's reasoning
        return "reasoning"
    if kind is not None:
        found = category(kind)
        if found is not None or not isinstance(part.get("text"), str) or kind not in ("message", "human", "ai"):
            return found
    if isinstance(part.get("text"), str) or (kind is None and isinstance(mapping(part.get("text")).get("value"), str)):
        return "text"
    for key, found in _BY_KEY.items():
        if key in part:
            return found
    return "wrapper" if isinstance(first_of(part, "parts", "content"), list) else None


def _add_part(content: Content, part: Record, name: str, levels: int) -> None:
    found = _category_of(part)
    if found in ("call", "result", "reasoning"):
        content.seam()
        _ADD_UNSPOKEN[found](content, part)
    elif found in ("text", "wrapper"):
        _add_spoken(content, part, name, levels if found == "wrapper" else 0)
    elif found in ("document", "search_result"):
        _add_material(content, part, found)
    elif found is None:
        content.notes.append(f"a part {_named(kind_of(part), part)}")
    content.refused |= found == "refusal"
    content.multi_modal |= found == "media"


def _add_spoken(content: Content, part: Record, name: str, levels: int) -> None:
    """A text, or with `levels` left what wraps others."""
    if not levels:
        _add_text(content, part, name)
    else:
        content.absorb(read_content(_wrapped(part), f"{name}.parts", levels - 1))


def _add_call(content: Content, part: Record) -> None:
    content.tool_call = True
    content.results += filter(None, [outcome_of_call(part)])


def _add_result(content: Content, part: Record) -> None:
    content.results.append(result_text(part))


def _add_reasoning(content: Content, part: Record) -> None:
    content.reasoning += filter(None, [reasoning_text(part)])


_ADD_UNSPOKEN = {"call": _add_call, "result": _add_result, "reasoning": _add_reasoning}


def _add_material(content: Content, part: Record, found: str) -> None:
    if found == "document":
        _add_document(content, part)
        return
    inner = mapping(part.get("searchResult")) or part
    content.material.append("\n".join(t for t in (_text(inner.get("title")), result_text(inner)) if t))


def _wrapped(part: Record) -> Any:
    inner = mapping(next((part[key] for key in ("guardContent", "citationsContent") if key in part), None))
    return inner.get("content") or inner.get("text") or first_of(part, "parts", "content")


def _named(kind: str | None, part: Record) -> str:
    """A type's name as far as it is one: what logs hold elsewhere doesn't come into details."""
    if kind is not None and _PLAIN.fullmatch(kind):
        return f"of type `{kind}`"
    return f"of no known type, with {names_of(part)}" if names_of(part) else "of no known type"


def _add_text(content: Content, part: Record, name: str) -> None:
    value = first_of(part, "text", "content", "value")
    if isinstance(value, dict):
        value = value.get("value") or value.get("text")
    if isinstance(value, str):
        content.texts.append(value)
    elif value is not None:
        content.notes.append(f"`{name}[].text` is {json_type(value)}, not text")


def _add_document(content: Content, part: Record) -> None:
    """A document in plain text is material; of any other kind, it can't be read."""
    document = part.get("document")
    inner = mapping(document) or part
    source = mapping(inner.get("source"))
    text = None
    if source.get("type") == "text":
        text = source.get("data")
    elif isinstance(first_of(source, "text", "content"), str | list):
        text = result_text({"content": first_of(source, "text", "content")})
    elif document is not None and "source" not in inner:
        text = document if isinstance(document, str) else _text(first_of(inner, "text", "data", "content"))
    if isinstance(text, str) and not is_blank(text):
        content.material.append("\n".join(t for t in (_text(inner.get("title")), text) if t))
    else:
        content.multi_modal = True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
