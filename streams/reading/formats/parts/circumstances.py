"""When, by which model, for whom: read from wherever a log keeps it. Addresses and user agents are never read."""

from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat

_TIMES = (
    "end_time",
    "endTime",
    "completed_at",
    "timestamp",
    "created_at",
    "createdAt",
    "created",
    "start_time",
    "startTime",
    "time",
    "date",
    "respondedAt",
    "requestedAt",
    "created_date",
)
_IDS = ("id", "request_id", "requestId", "uuid", "message_id", "conversation_id")
_SESSIONS = ("session_id", "sessionId", "conversation_id", "conversationId", "thread_id", "threadId", "chat_id")
_USERS = ("user_id", "userId", "end_user", "endUser", "user")
_MODELS = ("model", "model_name", "model_id", "generator")
_TELLING = frozenset({*_TIMES, *_IDS, *_SESSIONS, *_USERS, *_MODELS, "metadata"})


def fill(chat: Chat, *records: Record) -> Chat:
    """Complete what the chat does not know yet from these records, the nearest first; returns the chat."""
    for record in records:
        if record.keys().isdisjoint(_TELLING):
            continue
        metadata = mapping(record.get("metadata"))
        chat.source_id = chat.source_id or name_of(record, *_IDS)
        chat.timestamp = chat.timestamp or time_of(record, *_TIMES)
        chat.model = chat.model or name_of(record, *_MODELS)
        chat.session_id = chat.session_id or name_of(record, *_SESSIONS)
        chat.user_id = chat.user_id or name_of(record, *_USERS)
        if metadata:
            chat.session_id = chat.session_id or name_of(metadata, *_SESSIONS)
            chat.user_id = chat.user_id or name_of(metadata, *_USERS)
    return chat
