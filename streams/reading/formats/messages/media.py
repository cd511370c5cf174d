"""Pictures, sound and video that lie in columns beside a text. Source: LLaMA-Factory's and LLaVA's data sets."""

from dataclasses import replace

from streams.reading.formats.parts.fields import Record
from streams.reading.sources.records import Message, Role

_COLUMNS = frozenset(
    {"image", "images", "video", "videos", "audio", "audios", "image_path", "image_paths", "pixel_values"}
)


def mark_media(messages: list[Message], record: Record) -> None:
    """The users' messages of a record that has media beside its text miss something, all of them."""
    if record.keys().isdisjoint(_COLUMNS) or not any(record.get(column) for column in _COLUMNS):
        return
    for index, message in enumerate(messages):
        if message.role is Role.USER:
            messages[index] = replace(message, multi_modal=True)
