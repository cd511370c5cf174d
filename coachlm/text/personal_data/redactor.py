"""Replaces personal data in the texts of a conversation."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.forms.phones import REGIONS
from coachlm.text.personal_data.plain_form import PlainForm, plain_form
from coachlm.text.personal_data.scanner import Finder, Scanner

if TYPE_CHECKING:
    from coachlm.text.personal_data.names import NameReader

_ROUNDS = 8
_ECHOED_VALUES = 64
_ECHO_CHARACTERS = 6
_PLACEHOLDER = re.compile(rf"<({'|'.join(Kind)})_([1-9][0-9]{{0,8}})>")
_RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Redacted:
    """The texts in their order, and how many places were replaced by kind (kinds without any are left out)."""

    texts: tuple[str, ...]
    counts: dict[str, int]


class Redactor:
    """Finds and replaces personal data; keeps nothing between conversations.

    `phone_regions` are ISO 3166 codes of the countries whose national numbers count; none: those that
    `docs/explanations/personal-data.md` lists. `level` is `forms`, `forms+ids` or `names`; each finds more.

    `names_model` is the folder of the model for `names`; None: the one that the extra `names` brings.

    Raises: SettingsError for a region that is none, and where the extra or the folder is not there.
    """

    def __init__(self, phone_regions: Sequence[str] = (), level: str = "forms", names_model: str | None = None) -> None:
        self._scanner = Scanner(phone_regions or REGIONS, with_ids=level != "forms")
        self._names = _name_reader(names_model) if level == "names" else None

    def read_ahead(self, conversations: Iterable[Sequence[str]]) -> None:
        """Texts that `redact` will be asked about; at the level `names` they cost less read together."""
        if self._names is not None:
            self._names.read_ahead(plain_form(text).text for texts in conversations for text in texts)

    def redact(self, texts: Sequence[str]) -> Redacted:
        """All texts of one conversation at once: a value has one placeholder throughout.

        Placeholders that are already there keep their meaning: new ones are numbered after them, and redacting again
        changes nothing (up to the level `forms+ids`). Takes time linear in the length of the texts, whatever they hold.
        """
        finders = self._finders(texts)
        if not finders:
            return Redacted(tuple(texts), {})
        conversation = _Conversation(texts, finders)
        # A replacement can uncover what its neighbour hid, and values found in one place are sought in all others.
        for _ in range(_ROUNDS):
            if not conversation.replace():
                break
        return Redacted(tuple(conversation.texts), {str(kind): count for kind, count in conversation.counts.items()})

    def find(self, text: str) -> list[Finding]:
        """What one text holds, in its order, for those who measure or explain; `redact` may know more from others."""
        plain = plain_form(text)
        found = [finding for find in self._finders([text]) for finding in find(plain.text)]
        spans = ((plain.span(each.start, each.end), each) for each in _without_overlaps(found, plain.text))
        return [Finding(*span, each.kind, each.value) for span, each in spans]

    def _finders(self, texts: Sequence[str]) -> list[Finder]:
        """All that can find anything in the texts of a conversation."""
        finders = self._scanner.finders_for(plain_form("\n".join(texts)).text)
        if self._names is not None:
            finders.append(self._names.finder_for([plain_form(text).text for text in texts]))
        return finders


def check_level(level: str, names_model: str | None = None) -> None:
    """Raises: SettingsError, where what the level needs is not there; cheap, for those who start workers."""
    if level == "names":
        from coachlm.text.personal_data.names.token_model import model_folder

        model_folder(names_model)


def _name_reader(folder: str | None) -> "NameReader":
    from coachlm.text.personal_data.names import NameReader  # numpy and the model, which other levels do without

    return NameReader(folder)


class _Conversation:
    """The texts on their way, and which value got which number."""

    def __init__(self, texts: Sequence[str], finders: Sequence[Finder]) -> None:
        self.texts = list(texts)
        self.counts: Counter[Kind] = Counter()
        self._finders = finders
        self._numbers: dict[tuple[Kind, str], int] = {}
        self._written: dict[str, Finding] = {}  # spelling → the first finding with it
        self._last_number: Counter[Kind] = Counter()
        for text in self.texts:
            for kind, number in _PLACEHOLDER.findall(text):
                self._last_number[Kind(kind)] = max(self._last_number[Kind(kind)], int(number))

    def replace(self) -> bool:
        """Replace what is found now; whether anything was."""
        before = self.counts.total()
        echo = self._echo_pattern()
        for index, text in enumerate(self.texts):
            if text:
                self.texts[index] = self._replaced(text, echo)
        return self.counts.total() > before

    def _replaced(self, text: str, echo: re.Pattern[str] | None) -> str:
        plain = plain_form(text)
        found = [finding for find in self._finders for finding in find(plain.text)]
        if echo is not None:
            found.extend(self._echoes(plain.text, echo))
        if not found:
            return text
        pieces, place = [], 0
        for finding in _without_overlaps(found, plain.text):
            start, end = plain.span(finding.start, finding.end)
            pieces += (text[place:start], self._placeholder(finding, plain))
            place = end
        return "".join([*pieces, text[place:]])

    def _placeholder(self, finding: Finding, plain: PlainForm) -> str:
        kind, key = finding.kind, (finding.kind, finding.value)
        if key not in self._numbers:
            self._last_number[kind] += 1
            self._numbers[key] = self._last_number[kind]
        self.counts[kind] += 1
        if len(self._written) < _ECHOED_VALUES and finding.end - finding.start >= _ECHO_CHARACTERS:
            self._written.setdefault(plain.text[finding.start : finding.end], finding)
        return f"<{kind}_{self._numbers[key]}>"

    def _echo_pattern(self) -> re.Pattern[str] | None:
        """What was found by its neighbourhood in one place ("my password is …") stands bare in another."""
        if not self._written:
            return None
        values = "|".join(re.escape(written) for written in sorted(self._written, key=len, reverse=True))
        return re.compile(rf"(?<![A-Za-z0-9])(?:{values})(?![A-Za-z0-9])")

    def _echoes(self, text: str, echo: re.Pattern[str]) -> Iterator[Finding]:
        for match in echo.finditer(text):
            known = self._written[match[0]]
            yield Finding(*match.span(), known.kind, known.value)


def _without_overlaps(findings: Iterable[Finding], text: str) -> Iterator[Finding]:
    """In order; of two that overlap, the one of the kind that ranks first. Placeholders rank above all and stay."""
    ranked = [(finding.start, _RANK[finding.kind], finding) for finding in findings]
    ranked += [(m.start(), -1, Finding(*m.span(), Kind(m[1]), "")) for m in _PLACEHOLDER.finditer(text)]
    kept: list[tuple[int, Finding]] = []
    for _, rank, finding in sorted(ranked, key=lambda entry: entry[:2]):
        if not kept or finding.start >= kept[-1][1].end:
            kept.append((rank, finding))
        elif rank < kept[-1][0]:
            kept[-1] = (rank, finding)
    return (finding for rank, finding in kept if rank >= 0)
