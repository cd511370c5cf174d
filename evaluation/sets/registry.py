"""Which test sets are registered (paper Table VI): their files in the folder of public data, licence and origin."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetFile:
    """A file below the folder of public data, and the content the paper's figures are about."""

    path: str
    sha256: str  # of its records (`evaluation.sets.test_sets.records_digest`), however the file is written


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
            (SetFile("coachlm/coachlm150.json", "0391282d66065e87bd36aa3a46bc945b97d071ef409c98e92f84d4c7bead8bb4"),),
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
                    "7bae059dfeb46ca7fe82e0f3440451897619e8be70533b9bcae0de688fb37ac5",
                ),
                SetFile(
                    "test_sets/pandalm170_judged_by_gpt35.json",
                    "f8314f667e6e00158a7fd3d9dec7b9e96e2f1fb0b409ac63d29db249cc71fbe1",
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
                    "5be13dabffe49ff8e840a7e8f4e8c5522bf97f9a7a161d24d379a947ab62bec6",
                ),
                SetFile(
                    "test_sets/vicuna80_answers_bard.jsonl",
                    "02431abf504267a2446f695c7f6776569ad5c93f41c0844269d73435487cb4de",
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
                    "8be2af2fe57f7acfd03a96aba22cf332c142f4ddf6ef63d5e071af94b978b4f4",
                ),
            ),
        ),
    )
}
"""Source of counts: paper Table VI. PandaLM's public files hold up to ten references of GPT-3.5 for a request, none for
one; which of them the paper used isn't known."""
