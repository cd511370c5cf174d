"""How it goes: the installation, people's work, what the coach saves."""

from dataclasses import dataclass
from datetime import date

from api import models
from api.client.connection import Connection
from coachlm.desk.efficiency import Observation
from coachlm.pairs import TaskClass


@dataclass(frozen=True, slots=True)
class FigureCalls:
    """Figures of periods: days, UTC, both ends included. `Client.figures`."""

    connection: Connection

    def overview(self, hours: int = 24) -> models.Overview:
        """How the installation runs: the current hour and those before it."""
        return self.connection.get(models.Overview, "/v1/figures/overview", hours=hours)

    def people(
        self, first: date | None = None, last: date | None = None, unit: TaskClass | None = None
    ) -> models.PeopleFigures:
        """What everybody did; owners see their unit."""
        return self.connection.get(models.PeopleFigures, "/v1/figures/people", first=first, last=last, unit=unit)

    def mine(self, first: date | None = None, last: date | None = None) -> models.PeopleFigures:
        """What the caller did."""
        return self.connection.get(models.PeopleFigures, "/v1/figures/me", first=first, last=last)

    def efficiency_rows(
        self,
        first: date | None = None,
        last: date | None = None,
        *,
        unit: TaskClass | None = None,
        task_class: TaskClass | None = None,
        adapter: str | None = None,
    ) -> list[Observation]:
        """What `evaluation.effect.efficiency.estimate_efficiency` takes."""
        found = self.connection.get(
            models.EfficiencyRows,
            "/v1/figures/efficiency",
            first=first,
            last=last,
            unit=unit,
            task_class=task_class,
            adapter=adapter,
        )
        return [row.observation() for row in found.rows]

    def efficiency(
        self,
        first: date | None = None,
        last: date | None = None,
        *,
        unit: TaskClass | None = None,
        group: models.GroupBy | None = None,
    ) -> models.Efficiency:
        """What the coach saves, as a whole and by group; owners see their unit."""
        return self.connection.get(
            models.Efficiency, "/v1/figures/estimate", first=first, last=last, unit=unit, group=group
        )
