"""What goes into a data set and how it is written; options that contradict one another are refused."""

from dataclasses import dataclass, field

from coachlm.desk.dataset import TextChoice
from coachlm.errors import ExportError
from coachlm.status import Status
from exports.choices.export_formats import CHATS, PREFERENCES, SUFFIXES, TEXTS, ExportFormat, Rejected, Rows, TrainOn
from exports.choices.selection import Selection
from exports.choices.splits import TEST, TRAIN, VALIDATION

KEPT_STATUSES = frozenset(Status) - {Status.EXCLUDED, Status.DUPLICATE}
PROVENANCE_COLUMNS = (
    "id",
    "status",
    "text_stage",
    "task_class",
    "source_format",
    "language",
    "engine",
    "adapter",
    "outcome",
    "exclude_reason",
    "duplicate_of",
)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What goes into a data set and how it is written. Raises: ExportError, for options that contradict each other."""

    format: ExportFormat = ExportFormat.ALPACA
    text: TextChoice = TextChoice.FINAL
    statuses: frozenset[Status] = KEPT_STATUSES  # add EXCLUDED or DUPLICATE to write these too
    provenance: bool = False  # the columns of PROVENANCE_COLUMNS beside each pair; hashes of users never
    test_share: float = 0.0  # part of the conversations, 0 to 1, that becomes the split `test`
    name: str = "CoachLM data set"
    license: str | None = None  # an identifier of the Hugging Face hub; None leaves a place to fill in the card
    overwrite: bool = False  # write into a folder that holds other things; they stay as they are
    validation_share: float = 0.0  # part of the conversations that becomes the split `validation`
    split_seed: str = ""  # another seed is another draw; empty: as in 0.1.0
    rows: Rows | None = None  # None: conversations for `messages`, pairs for all others
    train_on: TrainOn = TrainOn.ALL  # of whole conversations
    with_reasoning: bool = False  # what the model thought before it answered
    rejected: frozenset[Rejected] | None = None  # of preferences; None: the logged answer
    same_question: bool = False  # of preferences: only where both answers were given to the same words
    selection: Selection = field(default_factory=Selection)

    def __post_init__(self) -> None:
        for what, share in (("test", self.test_share), ("validation", self.validation_share)):
            if not 0 <= share < 1:
                raise ExportError(f"the share of the {what} split is {share}; choose one from 0 up to below 1")
        if self.test_share + self.validation_share >= 1:
            raise ExportError("test and validation leave nothing to train on; choose shares that sum to less than 1")
        if len(self.splits) > 1 and Status.DUPLICATE in self.statuses:
            raise ExportError("near copies would stand in both splits; leave duplicates out or write one split")
        self._check_format()

    def _check_format(self) -> None:
        if self.is_whole and self.format not in CHATS:
            raise ExportError(
                f"the format {self.format} has a row for each pair; whole conversations go into {_named(CHATS)}"
            )
        if self.with_reasoning and (self.format not in CHATS | TEXTS or self.format is ExportFormat.MESSAGES):
            raise ExportError(f"the format {self.format} has no place for reasoning; take chat, sharegpt or trl")
        if self.provenance and self.format is ExportFormat.MESSAGES:
            raise ExportError("services take rows of messages and nothing else; take chat for columns of provenance")
        if (self.rejected is not None or self.same_question) and self.format not in PREFERENCES:
            raise ExportError(f"the format {self.format} has no rejected answers; take {_named(PREFERENCES)}")

    @property
    def is_whole(self) -> bool:
        """Whether a row is a conversation."""
        if self.rows is None:
            return self.format is ExportFormat.MESSAGES
        return self.rows is Rows.CONVERSATIONS

    @property
    def losers(self) -> frozenset[Rejected]:
        """Where the answers come from that lose."""
        return frozenset({Rejected.RAW}) if self.rejected is None else self.rejected

    @property
    def splits(self) -> tuple[str, ...]:
        shares = ((VALIDATION, self.validation_share), (TEST, self.test_share))
        return (TRAIN, *(split for split, share in shares if share))

    def file_name(self, split: str) -> str:
        return f"{split if len(self.splits) > 1 else 'data'}{SUFFIXES[self.format]}"


def _named(formats: frozenset[ExportFormat]) -> str:
    *others, last = sorted(formats)
    return f"{', '.join(others)} or {last}"
