"""Who speaks, by the many names that logs give to few speakers."""

import re

from streams.reading.formats.parts.fields import Record, first_of
from streams.reading.sources.records import Role

_NAMES = {
    Role.SYSTEM: "system developer instruction instructions system_prompt platform",
    Role.USER: "user human prompter customer client visitor guest caller end_user enduser question me you_said",
    Role.ASSISTANT: "assistant ai model bot gpt chatgpt bing bard claude gemini llama chatbot agent support"
    " representative advisor operator assistant_message copilot answer llm ai_assistant virtual_assistant",
    Role.TOOL: "tool function observation ipython tool_result tool_results tool_response tool_responses tool_output"
    " tool_outputs function_response function_result function_output toolresult environment execution context document"
    " documents retrieval knowledge search_results",
}
ROLES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names.split()}
KEYS = ("role", "from", "type", "author", "speaker", "sender")
"""Under which the speaker of a message stands."""
CALLS = frozenset({"function_call", "tool_call", "tool_calls", "function_calls", "toolcall"})
"""Speakers whose words are an assistant's call of a tool."""
THOUGHTS = frozenset({"thought", "thoughts", "thinking", "reasoning", "think"})
"""Speakers whose words are an assistant's reasoning."""
_FAMILIES = (
    "gpt",
    "chatgpt",
    "claude",
    "gemini",
    "llama",
    "mistral",
    "mixtral",
    "deepseek",
    "qwen",
    "phi",
    "gemma",
    "grok",
)
_PREFIX = re.compile(r"^(?:[a-z_]*role\.|speaker\.|sender\.|role[_-]|speaker[_-])")
_CLASS = re.compile(r"(?:message)?(?:chunk)?$")


def speaker(record: Record) -> str | None:
    """The name under which a message's role stands; None where there is none. Case and enum names don't matter."""
    value = first_of(record, *KEYS)
    if isinstance(value, dict):
        value = first_of(value, "role", "name")
    if not isinstance(value, str):
        return None
    return _PREFIX.sub("", value.strip().lower())


def role_of(name: str) -> Role | None:
    found = ROLES.get(name) or ROLES.get(_CLASS.sub("", name))
    if found is None and name.startswith(_FAMILIES):
        return Role.ASSISTANT
    return found
