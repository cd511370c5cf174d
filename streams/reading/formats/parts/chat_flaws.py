"""Why a chat that was read is none to learn from, in words that say what was there instead."""

from coachlm.pairs import RejectReason
from coachlm.text.blanks import is_blank
from streams.reading.formats.parts.outcomes import Chat, EntryError
from streams.reading.formats.parts.unread import unread_keys
from streams.reading.sources.records import Message, Role

_REDACTED = frozenset(
    {
        "redacted-by-litellm",
        "__redacted__",
        "[redacted]",
        "<redacted>",
        "redacted",
        "[filtered]",
        "<masked due to failed mask function>",
        "<fully masked due to failed mask function>",
    }
)
_LONGEST_MARK = max(map(len, _REDACTED)) + 2
TOLD = {
    RejectReason.TOOL_ONLY: "the answer is a tool call without text",
    RejectReason.REFUSED: "the provider says that the model refused",
    RejectReason.ERROR_RESPONSE: "an error stands in place of the answer",
}
"""Where a format says no more."""


def flaw_of(messages: list[Message], chat: Chat) -> EntryError | None:
    """Why a chat is none to learn from: nobody asked, nobody answered, or the texts were taken out."""
    asked = answered = blank = False
    problem: tuple[RejectReason, str] | None = None
    for message in messages:
        text = message.text
        if len(text) <= _LONGEST_MARK and text.strip().lower() in _REDACTED and message.role is not Role.TOOL:
            return EntryError(RejectReason.REDACTED, f"the {message.role} message was redacted")
        spoken = not is_blank(text)
        if message.remarks is not None and message.remarks.problem is not None:
            problem = problem or message.remarks.problem
            asked |= message.role is Role.USER and spoken
        elif message.role is Role.USER:
            asked |= spoken
        elif message.role is Role.ASSISTANT and asked:
            answered |= spoken
            blank |= not spoken
    if answered:
        return None
    if problem is not None:
        return EntryError(*problem)
    if not asked and chat.notes:
        return EntryError(RejectReason.MALFORMED_RECORD, chat.notes[0])
    return _unanswered(chat, blank) if asked else EntryError(RejectReason.EMPTY, _why_nobody_asked(messages))


def _why_nobody_asked(messages: list[Message]) -> str:
    if not messages:
        return "the chat holds no messages"
    asked = [message for message in messages if message.role is Role.USER]
    if not asked:
        speakers = ", ".join(dict.fromkeys(message.role.value for message in messages))
        return f"no user message with text; who speaks: {speakers}"
    only_media = any(message.multi_modal for message in asked)
    return f"the user's message has no text{' beside an image, audio or file' if only_media else ''}"


def with_unread(error: EntryError, messages: list[Message], entry: object) -> EntryError:
    """Says under which keys texts stand that nobody reads: a chat with texts in its messages isn't empty."""
    if error.reason not in (RejectReason.EMPTY, RejectReason.NO_RESPONSE):
        return error
    read = [text for message in messages for text in (message.text, message.input)]
    if error.reason is RejectReason.EMPTY and (keys := unread_keys(entry, read, in_lists=True)):
        detail = f"the messages have no text under a known key, but {keys}"
        return EntryError(RejectReason.MALFORMED_RECORD, detail)
    keys = unread_keys(entry, read)
    return EntryError(error.reason, f"{error.detail}; other texts stand under {keys}") if keys else error


def _unanswered(chat: Chat, blank: bool) -> EntryError:
    if chat.tool_call:
        return EntryError(RejectReason.TOOL_ONLY, TOLD[RejectReason.TOOL_ONLY])
    if blank:
        return EntryError(RejectReason.EMPTY, "the answer is blank")
    if chat.notes:
        return EntryError(RejectReason.MALFORMED_RECORD, chat.notes[0])
    return EntryError(RejectReason.NO_RESPONSE, "no assistant message after the user's")
