"""Studies of blind ratings for the tests of the pages."""

from itertools import count

from api.models import GivenScore, Study
from coachlm.pairs import InstructionPair
from tests.dashboard.servers import Office

FIRST, SECOND = "zebra-side", "tapir-side"  # words that stand nowhere else
numbers = count(1)


def make(office: Office, rows: int = 3, *, raters: tuple[str, ...] = ("ada", "ben"), **texts: str) -> Study:
    """A study of Oscar's; instruction and response say nothing of the version."""
    number = next(numbers)
    sources = {
        name: [
            InstructionPair(texts.get("instruction", f"Name river {number}.{row}."), "", f"It is {word} {row}.{place}.")
            for row in range(rows)
        ]
        for place, (name, word) in enumerate(((FIRST, "the Amber"), (SECOND, "the Silver")))
    }
    with office.client("oscar") as oscar:
        return oscar.studies.make(f"spring-{number}", sources, raters=raters, count=rows)


def given(office: Office, study: Study) -> list[GivenScore]:
    with office.client("oscar") as oscar:
        return oscar.studies.scores(study.name)
