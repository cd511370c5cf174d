"""The text file in which a pair is post-edited from a terminal: written for people, read back without loss.

The fields are separated by marker lines that carry a token of the file's own, so that no text inside a pair can be
taken for a marker.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair

_FIELDS = ("instruction", "input", "response")
_HEAD = re.compile(r"^#: (\w+): (.*)$")


@dataclass(frozen=True, slots=True)
class WorkFile:
    """What a work file says: whose lease it is, and the text as it stands in the file."""

    pair_id: str
    person: str
    lease_token: str
    version: int
    claimed_at: datetime
    text: InstructionPair

    def render(self, notes: tuple[str, ...] = ()) -> str:
        """The file's content; `notes` are lines for the annotator, each shown as a comment."""
        mark = secrets.token_hex(4)
        head = [
            "#: Edit the three texts below the marker lines and save; leave the marker lines as they are.",
            *(f"#: {line}" for note in notes for line in note.splitlines()),
            f"#: pair: {self.pair_id}",
            f"#: person: {self.person}",
            f"#: lease: {self.lease_token}",
            f"#: version: {self.version}",
            f"#: claimed: {self.claimed_at.isoformat()}",
            f"#: marker: {mark}",
        ]
        parts = [f"==== {name} {mark} ====\n{getattr(self.text, name)}\n" for name in _FIELDS]
        return "\n".join(head) + "\n" + "".join(parts)


def read_work_file(content: str) -> WorkFile:
    """What an annotator saved.

    Raises: InputError, when the head or a marker line is missing or damaged.
    """
    head: dict[str, str] = {}
    for line in content.split("\n"):
        if line.startswith("==== "):
            break
        if (match := _HEAD.match(line.rstrip("\r"))) is not None:
            head[match[1]] = match[2]  # later lines win: notes stand above the facts
    try:
        facts = head["pair"], head["person"], head["lease"], int(head["version"])
        claimed, mark = datetime.fromisoformat(head["claimed"]), head["marker"]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"this is not a work file of `coachlm queue next`: its head lacks or has a wrong {error}; "
            "claim the pair again and copy your text over"
        ) from error
    instruction, extra, response = _split(content, mark)
    return WorkFile(*facts, claimed, InstructionPair(instruction, extra, response))


def _split(content: str, mark: str) -> list[str]:
    texts = []
    rest = content
    for index, name in enumerate(_FIELDS):
        start = re.search(rf"^==== {name} {re.escape(mark)} ====\r?\n", rest, re.MULTILINE)
        if start is None:
            raise InputError(f"the marker line of `{name}` is missing; put back `==== {name} {mark} ====`")
        rest = rest[start.end() :]
        end = None
        if index + 1 < len(_FIELDS):
            end = re.search(rf"^==== {_FIELDS[index + 1]} {re.escape(mark)} ====\r?$", rest, re.MULTILINE)
        body = rest[: end.start()] if end else rest
        texts.append(body.removesuffix("\n"))
    return texts
