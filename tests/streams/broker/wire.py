"""Announcements for tests, as the store makes them, and bytes as version 1 of the codec wrote them."""

from typing import Any

from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import Announcement, Topic

PAIR = InstructionPair("Name a river in the north .", "", "the Ume flows there\n")


def announcement(topic: Topic, **changes: Any) -> Announcement:
    body = {**_BODIES[topic], **changes}
    return Announcement(1, topic, str(body.get("pair", "raw:3:17")), body)


_TEXTS = {"instruction": PAIR.instruction, "input": PAIR.input, "response": PAIR.response}
_BODIES: dict[Topic, dict[str, Any]] = {
    Topic.ACCEPTED: {
        "pair": PAIR.id,
        **_TEXTS,
        "task_class": "qa",
        "context": None,
        "conversation": None,
        "turn": None,
        "provenance": {
            "format": "chat",
            "source": "logs.raw:3",
            "record": 17,
            "part": 0,
            "model": None,
            "language": "en",
            "timestamp": "2026-11-01T10:00:00+00:00",
        },
    },
    Topic.REVISED: {
        "pair": PAIR.id,
        **_TEXTS,
        "outcome": "revised",
        "engine": "rules",
        "adapter": None,
        "reason": None,
        "flags": [{"kind": "added_name", "field": "response", "start": 0, "end": 3, "text": "Ume"}],
        "prompt_tokens": 0,
        "output_tokens": 0,
    },
    Topic.EXCLUDED: {"pair": PAIR.id, "reason": "too_short", "detail": ""},
    Topic.DEAD: {
        "dead_letter": 4,
        "topic": "logs.raw",
        "partition": 3,
        "offset": 17,
        "reason": "unreadable",
        "error": "malformed_json: unexpected end",
        "tries": 1,
    },
}

VERSION_1 = {
    Topic.ACCEPTED: b'{"schema":"pairs.accepted","version":1,"pair":"87d7b7084ef805011ecd93e60c1f064d",'
    b'"instruction":"Name a river in the north .","input":"","response":"the Ume flows there\\n","task_class":"qa",'
    b'"provenance":{"format":"chat","source":"logs.raw:3","record":17,"part":0,"model":null,"language":"en",'
    b'"timestamp":null}}',
}
"""Bytes of messages that may lie in topics for weeks: whatever the code becomes, it reads them."""
