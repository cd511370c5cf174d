"""The client's calls for those who run an installation: people, adapters, figures, data going in and out."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api import models
from api.client.connection import Call, Connection, path_part
from api.client.errors import UnavailableError
from coachlm.desk.efficiency import Observation
from coachlm.pairs import TaskClass

M = TypeVar("M", bound=BaseModel)


class OperatorCalls:
    """The part of `api.client.client.Client` that annotators don't need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def people(self) -> list[models.Person]:
        return list(self._get(models.People, "/v1/people").people)

    def add_person(self, person: models.NewPerson) -> models.Person:
        return self._post(models.Person, "/v1/people", person)

    def change_person(self, name: str, **changes: Any) -> models.Person:
        """`changes` are fields of `PersonChange`; what isn't named stays."""
        body = models.PersonChange(**changes)
        return self._connection.read(models.Person, Call("PATCH", f"/v1/people/{path_part(name)}", True, body=body))

    def new_token(self, name: str) -> models.NewToken:
        """The person's earlier token no longer works."""
        return self._connection.read(models.NewToken, Call("POST", f"/v1/people/{path_part(name)}/token", False))

    def units(self) -> list[models.Unit]:
        return list(self._get(models.Units, "/v1/units").units)

    # Figures; periods are days, UTC, both ends included

    def overview(self, hours: int = 24) -> models.Overview:
        """How the installation runs: the current hour and those before it."""
        return self._get(models.Overview, "/v1/figures/overview", hours=hours)

    def people_figures(
        self, first: date | None = None, last: date | None = None, unit: TaskClass | None = None
    ) -> models.PeopleFigures:
        """What everybody did; owners see their unit."""
        return self._get(models.PeopleFigures, "/v1/figures/people", first=first, last=last, unit=unit)

    def my_figures(self, first: date | None = None, last: date | None = None) -> models.PeopleFigures:
        """What the caller did."""
        return self._get(models.PeopleFigures, "/v1/figures/me", first=first, last=last)

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
        found = self._get(
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
        return self._get(models.Efficiency, "/v1/figures/estimate", first=first, last=last, unit=unit, group=group)

    # Adapters and data

    def adapters(self) -> models.Adapters:
        return self._get(models.Adapters, "/v1/adapters")

    def adapter_events(self, digest: str) -> list[models.AdapterEvent]:
        return list(self._get(models.AdapterEvents, f"/v1/adapters/{path_part(digest)}/events").events)

    def promote(self, digest: str, detail: str = "") -> models.Adapter:
        body = models.AdapterRequest(detail=detail)
        return self._post(models.Adapter, f"/v1/adapters/{path_part(digest)}/promote", body)

    def roll_back(self, digest: str, detail: str = "") -> models.Adapters:
        """`digest` is the adapter that is to stop; gives what revises then."""
        body = models.AdapterRequest(detail=detail)
        return self._post(models.Adapters, f"/v1/adapters/{path_part(digest)}/rollback", body)

    def export(self, format: str = "jsonl", **options: Any) -> Iterator[bytes]:
        """The data set as it is written, piece by piece; docs/reference/http.md lists formats and options."""
        call = Call("GET", "/v1/export", False, params={"format": format, **options})
        with self._connection.stream(call) as answer:
            yield from answer.iter_bytes()

    def ingest(
        self, lines: Iterable[bytes], *, format: str | None = None, request_id: str | None = None
    ) -> Iterator[models.LineVerdict]:
        """Posts log lines (each ends with a line feed) and gives a verdict for each that isn't blank.

        Raises: UnavailableError, when the answer broke off: post the same lines under the same `request_id` again.
        """
        headers = {"Content-Type": "application/x-ndjson"} | ({"X-Request-Id": request_id} if request_id else {})
        call = Call("POST", "/v1/logs", False, params={"format": format})
        with self._connection.stream(call, content=lines, headers=headers) as answer:
            for line in answer.iter_lines():
                try:
                    yield models.LineVerdict.model_validate_json(line)
                except ValidationError:
                    models.IntakeSummary.model_validate_json(line)
                    return
        raise UnavailableError("the answer to the posted lines broke off; post them again under the same request id")

    def _get(self, model: type[M], path: str, **params: Any) -> M:
        return self._connection.read(model, Call("GET", path, True, params=params or None))

    def _post(self, model: type[M], path: str, body: BaseModel, *, repeatable: bool = False) -> M:
        return self._connection.read(model, Call("POST", path, repeatable, body=body))
