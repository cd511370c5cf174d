"""Who works here: accounts, tokens, units."""

from dataclasses import dataclass
from typing import Any

from api import models
from api.client.connection import Call, Connection, path_part


@dataclass(frozen=True, slots=True)
class PeopleCalls:
    """Accounts and units. `Client.people`."""

    connection: Connection

    def all(self) -> list[models.Person]:
        return list(self.connection.get(models.People, "/v1/people").people)

    def add(self, person: models.NewPerson) -> models.Person:
        return self.connection.post(models.Person, "/v1/people", person)

    def change(self, name: str, **changes: Any) -> models.Person:
        """`changes` are fields of `PersonChange`; what isn't named stays."""
        body = models.PersonChange(**changes)
        return self.connection.read(models.Person, Call("PATCH", f"/v1/people/{path_part(name)}", True, body=body))

    def new_token(self, name: str) -> models.NewToken:
        """The person's earlier token no longer works."""
        return self.connection.read(models.NewToken, Call("POST", f"/v1/people/{path_part(name)}/token", False))

    def change_me(self, *, time_zone: str) -> models.Me:
        """The caller's own settings; `time_zone`: an IANA name."""
        body = models.MyChange(time_zone=time_zone)
        return self.connection.read(models.Me, Call("PATCH", "/v1/me", True, body=body))

    def units(self) -> list[models.Unit]:
        return list(self.connection.get(models.Units, "/v1/units").units)
