"""Which test sets are registered (paper Table VI): their files in the folder of public data, licence and origin."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetFile:
    """A file below the folder of public data, and the content the paper's figures are about."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RegisteredSet:
    """One registered set; `files[0]` holds the instructions."""

    name: str
    count: int
    reference: str  # who wrote the reference responses
    licence: str
    origin: str
    files: tuple[SetFile, ...]


TEST_SETS: dict[str, RegisteredSet] = {
    each.name: each
    for each in (
        RegisteredSet(
            "coachlm150",
            150,
            "people",
            "Apache-2.0",
            "the CoachLM paper's repository",
            (SetFile("coachlm/coachlm150.json", "f377ab4ba516067cac1ecde17411ec71f4975ee916bad0a0342423b712ea5b54"),),
        ),
        RegisteredSet(
            "pandalm170",
            170,
            "GPT-3.5, the first it wrote while judging",
            "Apache-2.0",
            "PandaLM's repository",
            (
                SetFile(
                    "test_sets/pandalm170_comparisons.json",
                    "cc154f9067c7382d7ea86f8f246511a5e1ac87e1fddd845c5938d789505b07a4",
                ),
                SetFile(
                    "test_sets/pandalm170_judged_by_gpt35.json",
                    "4c00aa7b3eeae504050a037422ba6f5b0a2ee041680f47bb77b8a4b549b128e3",
                ),
            ),
        ),
        RegisteredSet(
            "vicuna80",
            80,
            "Bard",
            "Apache-2.0",
            "the evaluation of the Vicuna blog",
            (
                SetFile(
                    "test_sets/vicuna80_questions.jsonl",
                    "590c39157bc561eadd7f03cad4be18c2b597f93029780af65f86718f39eafa87",
                ),
                SetFile(
                    "test_sets/vicuna80_answers_bard.jsonl",
                    "3b807061959b50b2c7cc2d278c02ce4a1608c6afe366d22613ba90be6c9a3f3f",
                ),
            ),
        ),
        RegisteredSet(
            "self_instruct252",
            252,
            "people",
            "Apache-2.0",
            "the Self-Instruct repository",
            (
                SetFile(
                    "test_sets/self_instruct252.jsonl",
                    "81d60a117db495cecedecd9193504fd07c5b5a42f6699ef6b0f9da10fc22f42e",
                ),
            ),
        ),
    )
}
"""Source of counts: paper Table VI. PandaLM's public files hold up to ten references of GPT-3.5 for a request, none for
one; which of them the paper used isn't known."""
