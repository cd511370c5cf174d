"""Blind rating studies: made, closed and read by those who own them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api import models
from api.client.connection import Call, Connection, path_part
from coachlm.pairs import InstructionPair


@dataclass(frozen=True, slots=True)
class StudyCalls:
    """Rating studies. `Client.studies`."""

    connection: Connection

    def all(self) -> list[models.Study]:
        """Those that the caller owns, or all, for operators; the newest first."""
        return list(self.connection.get(models.Studies, "/v1/studies").studies)

    def make(
        self,
        name: str,
        sources: Mapping[str, Sequence[InstructionPair]],
        *,
        raters: Sequence[str] = (),
        count: int = 150,
        seed: int | None = None,
        pair_ids: Sequence[str] = (),
    ) -> models.Study:
        """The n-th pairs of the sources are versions of one pair."""
        given = tuple(
            models.StudySource(name=source, pairs=tuple(map(models.PairText.of, pairs)))
            for source, pairs in sources.items()
        )
        body = models.NewStudy(
            name=name, sources=given, raters=tuple(raters), count=count, seed=seed, pair_ids=tuple(pair_ids)
        )
        return self.connection.post(models.Study, "/v1/studies", body)

    def close(self, name: str) -> models.Study:
        return self.connection.read(models.Study, Call("POST", f"/v1/studies/{path_part(name)}/close", True))

    def tables(self, name: str) -> models.StudyTables:
        """Of what was rated so far."""
        return self.connection.get(models.StudyTables, f"/v1/studies/{path_part(name)}/tables")

    def scores(self, name: str) -> list[models.GivenScore]:
        return list(self.connection.get(models.GivenScores, f"/v1/studies/{path_part(name)}/scores").scores)
