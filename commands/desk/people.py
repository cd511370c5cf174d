"""`people`: who works with this installation, and the tokens that let them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.stores import database_option, open_database
from coachlm.errors import InputError
from coachlm.pairs import TaskClass
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from coachlm.desk.work import Person
    from storage.people.accounts import Accounts

ROLES = ("ingest", "annotator", "owner", "operator", "admin")
SENIORITIES = ("newcomer", "regular", "senior")
EVERY_CLASS = "every"

_name = click.argument("name")
_unit = click.option(
    "--unit",
    type=click.Choice([*(c.value for c in TaskClass), EVERY_CLASS]),
    help="Unit whose items the person gets; `every`: all classes.",
)
_seniority = click.option(
    "--seniority", type=click.Choice(SENIORITIES), help="Decides how much of the person's work is reviewed."
)
_subject = click.option("--subject", help="The person's subject at the company's identity provider.")


@click.group("people")
def people_group() -> None:
    """Add people, give out tokens, end accounts. A token is shown once; only its hash is kept."""


@people_group.command()
@_name
@click.option(
    "--role", type=click.Choice(ROLES), default="annotator", show_default=True, help="What the person may do."
)
@_unit
@_seniority
@_subject
@click.option("--token/--no-token", default=True, help="Create a token and show it (default).")
@database_option
@json_option
@answering_errors
def add(
    name: str,
    role: str,
    unit: str | None,
    seniority: str | None,
    subject: str | None,
    token: bool,
    db: str | None,
    as_json: bool,
) -> None:
    """Add somebody, and show the token that lets the person in."""
    from coachlm.desk.work import PersonRole, Seniority

    with _accounts(db) as accounts:
        person = accounts.add(name, PersonRole(role), _unit_of(unit), Seniority(seniority or Seniority.NEWCOMER))
        if subject is not None:
            accounts.set_subject(name, subject)
        _answer(person, as_json, _draw(accounts, name) if token else None)


@people_group.command("list")
@database_option
@json_option
@answering_errors
def list_people(db: str | None, as_json: bool) -> None:
    """Everybody, with role and unit."""
    with _accounts(db) as accounts:
        found = accounts.people()
    if as_json:
        emit_json({"people": [asdict(person) for person in found]})
        return
    if not found:
        results().print("nobody is known yet")
        people.print("next: coachlm people add NAME --role admin")
        return
    table = Table(show_edge=False, pad_edge=False)
    for title in ("name", "role", "unit", "seniority", "active"):
        table.add_column(title)
    for person in found:
        active = "yes" if person.is_active else "no"
        table.add_row(terminal_safe(person.name), person.role, person.unit or EVERY_CLASS, person.seniority, active)
    results().print(table)


@people_group.command()
@_name
@click.option("--role", type=click.Choice(ROLES), help="What the person may do.")
@_unit
@_seniority
@_subject
@click.option("--active/--inactive", default=None, help="Whether the person may log in.")
@database_option
@json_option
@answering_errors
def change(name: str, db: str | None, as_json: bool, **wanted: Any) -> None:
    """Change somebody; what isn't named stays."""
    from coachlm.desk.work import PersonRole, Seniority

    readers = {"role": PersonRole, "unit": _unit_of, "seniority": Seniority, "active": bool}
    names = {"active": "is_active"}
    subject = wanted.pop("subject")
    given = {option: value for option, value in wanted.items() if value is not None}
    if not given and subject is None:
        raise InputError("nothing to change; give --role, --unit, --seniority, --subject, --active or --inactive")
    changes: Any = {names.get(option, option): readers[option](value) for option, value in given.items()}
    with _accounts(db) as accounts:
        if subject is not None:
            accounts.set_subject(name, subject or None)
        _answer(accounts.change(name, **changes), as_json)


@people_group.command()
@_name
@database_option
@json_option
@answering_errors
def token(name: str, db: str | None, as_json: bool) -> None:
    """Draw a new token and show it; the earlier one no longer works."""
    with _accounts(db) as accounts:
        person = accounts.person(name)
        if not person.is_active:
            raise InputError(f"{name!r} is not active; first: coachlm people change {name!r} --active")
        _answer(person, as_json, _draw(accounts, name))


@people_group.command()
@_name
@database_option
@json_option
@answering_errors
def deactivate(name: str, db: str | None, as_json: bool) -> None:
    """End an account and forget its token.

    Items in hands go to the others; what the person wrote stays.
    """
    with _accounts(db) as accounts:
        _answer(accounts.deactivate(name), as_json)


@contextmanager
def _accounts(db: str | None) -> Iterator["Accounts"]:
    from storage.people.accounts import Accounts

    with open_database(load_settings(database_url=db)) as database:
        yield Accounts(database)


def _unit_of(name: str | None) -> TaskClass | None:
    return None if name in (None, EVERY_CLASS) else TaskClass(name)


def _draw(accounts: "Accounts", name: str) -> str:
    from api.access.tokens import draw_token

    drawn = draw_token()
    accounts.set_token(name, drawn.id, drawn.hash)
    return drawn.text


def _answer(person: "Person", as_json: bool, token: str | None = None) -> None:
    if as_json:
        emit_json({"person": asdict(person), **({"token": token} if token else {})})
        return
    unit = person.unit or "every class"
    said = f"{person.name}: {person.role}, {unit}, {person.seniority}{'' if person.is_active else ', not active'}"
    people.print(terminal_safe(said), markup=False)
    if token is not None:
        click.echo(token)
        people.print("the line above is the token; it is shown this once and lets the person in", markup=False)
