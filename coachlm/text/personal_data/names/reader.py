"""Reads many texts at once for names, and gives one person one value over a conversation."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.names.address_forms import find_addresses
from coachlm.text.personal_data.names.model_spans import spans_of
from coachlm.text.personal_data.names.rules import find_organisations, find_persons
from coachlm.text.personal_data.names.token_model import TokenModel
from coachlm.text.personal_data.names.windows import Window, windows_of

Finder = Callable[[str], Iterator[Finding]]

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHORTEST_ECHO = 3
_MOST_ECHOES = 64


class NameReader:
    """Finds names by the model and by rules; what was read ahead is kept until the next batch.

    Raises: SettingsError where the model or what runs it isn't there.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._model = TokenModel(folder)
        self._read: dict[str, list[Finding]] = {}

    def read_ahead(self, texts: Iterable[str]) -> None:
        """All windows of the texts together: a batch costs less than its texts one by one."""
        self._read = self._reading({text for text in texts if text})

    def finder_for(self, texts: Sequence[str]) -> Finder:
        """Finds the names of these texts, in these alone; a name's part has the value of the whole name."""
        missing = {text for text in texts if text and text not in self._read}
        read = {text: self._read[text] for text in texts if text in self._read} | self._reading(missing)
        people = _People(finding for text in dict.fromkeys(texts) for finding in read.get(text, ()))
        echo = people.echo(texts)

        def find(text: str) -> Iterator[Finding]:
            if text not in read:
                return
            for finding in read[text]:
                is_person = finding.kind is Kind.PERSON
                yield people.same_person(finding) if is_person else finding
            for match in echo.finditer(text) if echo else ():
                yield people.same_person(Finding(*match.span(), Kind.PERSON, match[0].casefold()))

        return find

    def _reading(self, texts: Iterable[str]) -> dict[str, list[Finding]]:
        ordered = sorted(texts)
        windows = [(text, window) for text in ordered for window in windows_of(text)]
        found: dict[str, list[Finding]] = {text: [] for text in ordered}
        pieces = self._model.pieces([text[window.start : window.end] for text, window in windows]) if windows else []
        for (text, window), tokens in zip(windows, pieces, strict=True):
            found[text] += _moved(spans_of(text[window.start : window.end], tokens), window)
        for text in ordered:
            ruled = (*find_persons(text), *find_organisations(text), *find_addresses(text))
            found[text] = _united(text, [*found[text], *ruled])
        return found


class _People:
    """Who is spoken of in a conversation: whole names, and the words that belong to one of them alone."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        values = dict.fromkeys(finding.value for finding in findings if finding.kind is Kind.PERSON)
        self._values = list(values)
        self._whole: dict[str, str] = {}
        for value in sorted(values, key=lambda value: -len(value.split())):
            words = _WORD.findall(value)
            for word in words if len(words) > 1 else ():
                self._whole.setdefault(word, value)

    def same_person(self, finding: Finding) -> Finding:
        value = self._whole.get(finding.value, finding.value)
        return finding if value == finding.value else Finding(finding.start, finding.end, finding.kind, value)

    def echo(self, texts: Sequence[str]) -> re.Pattern[str] | None:
        """Names found in one place stand in others too; as words that are written small elsewhere they may be words."""
        small = {word for text in texts for word in _WORD.findall(text) if word.islower()}
        words = [*self._values, *self._whole][:_MOST_ECHOES]
        chosen = [word for word in words if len(word) >= _SHORTEST_ECHO and word not in small]
        if not chosen:
            return None
        spellings = sorted({_capitalised(word) for word in chosen}, key=len, reverse=True)
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, spellings))})(?![\w-])")


def _united(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """Of findings of one kind that overlap, one that covers them all: the model and a rule may each see a part."""
    united: list[Finding] = []
    for finding in sorted(findings, key=lambda each: (each.kind, each.start)):
        last = united[-1] if united else None
        if last and last.kind is finding.kind and finding.start < last.end:
            start, end = last.start, max(last.end, finding.end)
            united[-1] = Finding(start, end, last.kind, " ".join(text[start:end].split()).casefold())
        else:
            united.append(finding)
    return united


def _capitalised(word: str) -> str:
    return _WORD.sub(lambda match: match[0][0].upper() + match[0][1:], word)


def _moved(findings: Iterable[Finding], window: Window) -> list[Finding]:
    return [Finding(f.start + window.start, f.end + window.start, f.kind, f.value) for f in findings]
