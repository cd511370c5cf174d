"""The registry of adapters: what revises, and what is to."""

from dataclasses import dataclass

from api import models
from api.client.connection import Connection, path_part


@dataclass(frozen=True, slots=True)
class AdapterCalls:
    """The registry of adapters. `Client.adapters`."""

    connection: Connection

    def all(self) -> models.Adapters:
        return self.connection.get(models.Adapters, "/v1/adapters")

    def events(self, digest: str) -> list[models.AdapterEvent]:
        return list(self.connection.get(models.AdapterEvents, f"/v1/adapters/{path_part(digest)}/events").events)

    def promote(self, digest: str, detail: str = "") -> models.Adapter:
        body = models.AdapterRequest(detail=detail)
        return self.connection.post(models.Adapter, f"/v1/adapters/{path_part(digest)}/promote", body)

    def roll_back(self, digest: str, detail: str = "") -> models.Adapters:
        """`digest` is the adapter that is to stop; gives what revises then."""
        body = models.AdapterRequest(detail=detail)
        return self.connection.post(models.Adapters, f"/v1/adapters/{path_part(digest)}/rollback", body)
