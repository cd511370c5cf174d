"""The service with a real OpenID Connect provider beside it: whose tokens it takes, and until when."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.service import Service, running_service
from tests.identity import CLIENT, IdentityProvider

pytestmark = pytest.mark.slow

Started = Callable[..., IdentityProvider]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    providers: list[IdentityProvider] = []

    def start(**options: int) -> IdentityProvider:
        provider = IdentityProvider(tmp_path, **options)
        providers.append(provider)
        provider.start()
        return provider

    yield start
    for provider in providers:
        provider.stop()


@pytest.fixture(scope="module")
def lasting_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    provider = IdentityProvider(tmp_path_factory.mktemp("provider"))
    yield provider
    provider.stop()


@pytest.fixture
def provider(lasting_provider: IdentityProvider) -> IdentityProvider:
    """One for the whole module, up again if the test before has stopped it."""
    lasting_provider.ensure()
    return lasting_provider


@pytest.fixture
def company(provider: IdentityProvider, sqlite_databases) -> Iterator[Service]:
    with running_service(sqlite_databases.new(), **provider.settings) as service:
        service.services.accounts.set_subject("ada", "ada@example.com")
        yield service
    sqlite_databases.drop()


def status(service: Service, token: str, path: str = "/v1/me") -> int:
    """Once the provider's keys have been asked for."""
    for _ in range(120):
        code = service.request("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code
        if code != 503:
            return code
        time.sleep(0.5)
    raise AssertionError("the keys never came")


def test_the_providers_token_is_the_persons(company: Service, provider: IdentityProvider):
    token = provider.identity_token("ada@example.com")
    assert status(company, token) == 200
    answer = company.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json().items() >= {"name": "ada", "role": "annotator", "unit": "qa"}.items()
    assert status(company, token, "/v1/export") == 403  # permissions come from our own accounts
    assert status(company, provider.identity_token("eve@example.com")) == 401  # known there, not here
    company.client("root").people.change("ada", is_active=False)
    assert status(company, token) == 401


def test_a_token_for_another_service_is_refused(company: Service, provider: IdentityProvider):
    assert status(company, provider.identity_token("ada@example.com", audience="the-canteen")) == 401


def test_another_issuers_token_is_refused(company: Service, started: Started):
    assert status(company, started().identity_token("ada@example.com", audience=CLIENT)) == 401


def test_a_token_that_is_over_is_refused(started: Started, sqlite_databases):
    provider = started(max_age_seconds=-3600)
    with running_service(sqlite_databases.new(), **provider.settings) as service:
        service.services.accounts.set_subject("ada", "ada@example.com")
        assert status(service, provider.identity_token("ada@example.com")) == 401
    sqlite_databases.drop()


def test_new_keys_are_taken_and_old_ones_end(company: Service, provider: IdentityProvider):
    """A provider that changes its keys: nobody restarts the service."""
    before = provider.identity_token("ada@example.com")
    assert status(company, before) == 200
    provider.stop()
    assert status(company, before) == 200  # the keys are kept for a while
    provider.start()
    after = provider.identity_token("ada@example.com")
    assert status(company, after) == 200
    assert status(company, before) == 401


def test_a_provider_that_is_away_is_no_wrong_token(provider: IdentityProvider, sqlite_databases):
    token, settings = provider.identity_token("ada@example.com"), provider.settings
    provider.stop()
    with running_service(sqlite_databases.new(), **settings) as service:
        answer = service.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (503, "identity")
        assert service.client("ada").me().name == "ada"  # our own tokens go on
    sqlite_databases.drop()
