"""Whole dialogues as one text, as data sets for causal language models keep them: `{"text": "### Human: …"}`."""

from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.messages.templates import read_labelled, read_rendered
from streams.reading.formats.messages.transcripts import Transcript
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import Chat, LogFormat
from streams.reading.sources.records import Role

_FIELDS = ("text", "content", "prompt", "completion", "conversation", "conversations", "messages", "dialogue", "chat")


def matches(record: Record) -> bool:
    return _dialogue(record) is not None


def read(record: Record) -> list[Chat]:
    found = _dialogue(record) or Transcript()
    return [fill(Chat(found.messages, notes=found.notes), record)]


def _dialogue(record: Record) -> Transcript | None:
    """The only text of these fields, where it holds a question and its answer."""
    values = [record[field] for field in _FIELDS if isinstance(record.get(field), str) and record[field]]
    if len(values) != 1 or values[0].lstrip()[:1] not in "<[#HUSBAhus":
        return None
    found = read_rendered(values[0]) or read_labelled(values[0], whole=True)
    if found is None or not any(message.role is Role.ASSISTANT for message in found.messages):
        return None
    return found


FORMAT = LogFormat("text", "Dialogues written out as one text", matches, read, strict=True)
