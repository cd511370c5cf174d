"""Pairs for the desk's tests and pictures, written for them."""

from itertools import count

from coachlm.coaching.adapters import AdapterRecord
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.revision import Field, Flag, FlagKind, Outcome, Revision
from storage.adapters.adapters import DatabaseAdapterRegistry

TEA = InstructionPair(
    "how do i make good green tea",
    "",
    "You heat water and put in the tea leafs. Wait abit. then remove them and its ready to drink. Dont use boiling "
    "water because it get bitter.",
)
TEA_REVISED = InstructionPair(
    "How do I make good green tea?",
    "",
    "Good green tea needs three things:\n\n1. **Water** that is hot but not boiling, at about 75 °C. Boiling water "
    "makes the tea bitter.\n2. **Leaves**: one teaspoon for each cup.\n3. **Time**: let the leaves stand for two "
    "minutes, then take them out.\n\nYour tea is then ready to drink. As the Tang dynasty writer Lu Yu knew, the "
    "water matters most.",
)
ARABIC = InstructionPair(
    "اكتب جملة قصيرة عن البحر",
    "",
    "البحر كبير و جميل و فيه سمك كثير. أحب السباحه فيه في الصيف.",
)
ARABIC_REVISED = InstructionPair(
    "اكتب جملة قصيرة عن البحر.",
    "",
    "البحر واسع وجميل، وفيه أسماك كثيرة (fish). أحبّ السباحة فيه في الصيف.",
)
CHINESE = InstructionPair(
    "把下面的句子写得更礼貌",
    "明天把报告给我。",
    "请你明天把报告给我吧。谢谢",
)
CHINESE_REVISED = InstructionPair(
    "请把下面的句子改写得更礼貌。",
    "明天把报告给我。",
    "麻烦您明天把报告发给我，好吗？谢谢！",
)
HOSTILE = InstructionPair(
    'Show <img src=x onerror="window.stolen=1"><script>window.stolen=2</script> to me',
    "\x1b[31mred\x1b[0m and \u202etxt.exe\u202c and \x07",
    "<b>not bold</b> ![pixel](https://tracker.example/p.png) [click](javascript:window.stolen=3)\n\n"
    '<iframe srcdoc="<script>parent.stolen=4</script>"></iframe>\n\n=HYPERLINK("http://tracker.example")',
)


A_LINE = "w" * 1_000_000


def long_text(paragraphs: int = 60) -> str:
    """About 330 characters a paragraph."""
    sentences = (
        "Paragraph {n} says how a harbour town of {m} people keeps its streets clean in winter.",
        "Every household looks after its own doorstep, and the town looks after the rest.",
        "On days with ice the carts come at five in the morning, before the first ferry.",
        "Whoever finds a blocked drain tells the office, which writes it into a book.",
    )
    return "\n\n".join(" ".join(sentences).format(n=n, m=900 + 7 * n) for n in range(1, paragraphs + 1))


LONG = InstructionPair("Describe how the town keeps its streets clean.", "", long_text())
LONG_REVISED = InstructionPair(
    "Describe how the town keeps its streets clean in winter.",
    "",
    long_text().replace("blocked drain", "drain that is blocked").replace("carts", "salt carts", 12),
)


def revision(raw: InstructionPair, revised: InstructionPair, *flags: tuple[FlagKind, str]) -> Revision:
    found = tuple(
        Flag(kind, Field.RESPONSE, start := revised.response.index(text), start + len(text), text)
        for kind, text in flags
    )
    return Revision(raw.id, revised, Outcome.REVISED, "rules", flags=found)


Sample = tuple[InstructionPair, Revision, TaskClass]


def tea() -> Sample:
    added = ((FlagKind.ADDED_NUMBER, "75 °C"), (FlagKind.ADDED_NAME, "Lu Yu"))
    return TEA, revision(TEA, TEA_REVISED, *added), TaskClass.QA


def plain(number: int) -> Sample:
    """A short pair with one mistake for the coach and one left for the annotator."""
    raw = InstructionPair(
        f"what is the capital of country number {number}",
        "",
        f"the capital of country number {number} is City {number}. it lies on a rivr.",
    )
    revised = InstructionPair(
        f"What is the capital of country number {number}?",
        "",
        f"The capital of country number {number} is City {number}. It lies on a rivr.",
    )
    return raw, revision(raw, revised), TaskClass.QA


def adapter(registry: DatabaseAdapterRegistry, letter: str, **changes: str) -> str:
    """Registers one that the gate has passed; gives its digest."""
    figures = [
        {
            "name": "edit_distance_left",
            "reference": 40.0,
            "candidate": 31.0,
            "low": -14.0,
            "high": -4.0,
            "margin": 0.0,
            "holds": True,
        },
        {
            "name": changes.get("figure", "invalid_share"),
            "reference": 0.02,
            "candidate": 0.01,
            "low": -0.02,
            "high": 0.01,
            "margin": 0.02,
            "holds": True,
        },
    ]
    report = {
        "reason": changes.get("reason", "fewer edits are left"),
        "passed": True,
        "figures": figures,
        "pairs": 120,
        "against": "raw",
    }
    record = AdapterRecord(
        letter * 64,
        changes.get("base", "a base"),
        "0" * 64,
        f"file:///{letter}",
        training={"examples": 300, "seconds": 12.5, "selection": {"alpha": 0.3}},
    )
    registry.register(record, "refresh")
    registry.record_gate(record.digest, report, passed=True)
    return record.digest


_numbers = count(1)


def fresh(how_many: int) -> list[Sample]:
    """Pairs that no other test uses: the same text again would be the same pair."""
    return [plain(next(_numbers)) for _ in range(how_many)]


def simple(raw: InstructionPair, revised: InstructionPair | None = None) -> Sample:
    return raw, revision(raw, revised or raw), TaskClass.QA
