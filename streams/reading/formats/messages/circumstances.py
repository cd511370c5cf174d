"""When, by which model, for whom, how it ended, and what the log thinks of it: read from wherever a log keeps it.

Addresses and user agents are never read.
"""

from dataclasses import replace

from streams.reading.formats.messages.finishes import FINISH_KEYS, finish_of
from streams.reading.formats.messages.signals import KEYS, read_signals
from streams.reading.formats.messages.transcripts import ended
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat
from streams.reading.sources.records import Remarks, Role

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
_REMARKABLE = frozenset({*KEYS, *FINISH_KEYS, "details", "truncated", "stopped_limit", "interrupted", "is_finished"})


def fill(chat: Chat, *records: Record) -> Chat:
    """Complete what the chat does not know yet from these records, the nearest first; returns the chat."""
    for record in records:
        if not record.keys().isdisjoint(_REMARKABLE):
            _remark(chat, record)
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


def _remark(chat: Chat, record: Record) -> None:
    """How the chat's last answer ended, and what the record says of its answers. A mark beside a chat is one on all of
    it: nobody can tell which answer was meant."""
    answers = [index for index, message in enumerate(chat.messages) if message.role is Role.ASSISTANT]
    signals, finish = read_signals(record), finish_of(record)
    for index in answers:
        remarks = chat.messages[index].remarks or Remarks()
        if signals.values:
            verdicts = [verdict for verdict in (remarks.verdict, signals.verdict) if verdict]
            verdict = next((verdict for verdict in verdicts if verdict != "good"), "good" if verdicts else "")
            remarks = replace(remarks, signals={**signals.values, **remarks.signals}, verdict=verdict)
        if finish is not None and index == answers[-1] and remarks.finished is None:
            remarks = ended(remarks, finish)
        if remarks != Remarks():
            chat.messages[index] = replace(chat.messages[index], remarks=remarks)
