"""Our own tokens, and the buckets that limit who may do what how often."""

import pytest
from argon2 import PasswordHasher

from api.access.rate_limits import RateLimiter
from api.access.tokens import TokenVerifier, draw_token, is_costly, quick_hash, token_id
from tests.api.clocks import Seconds


@pytest.fixture(scope="module")
def drawn():
    return draw_token()


def test_a_token_fits_its_own_hash_alone(drawn):
    other = draw_token()
    verifier = TokenVerifier()
    assert verifier.fits(drawn.text, drawn.hash)
    assert not verifier.fits(drawn.text, other.hash)
    assert not verifier.fits(drawn.text[:-1] + ("A" if drawn.text[-1] != "A" else "B"), drawn.hash)
    assert token_id(drawn.text) == drawn.id


def test_a_token_never_shows_in_its_repr(drawn):
    assert drawn.text not in repr(drawn)
    assert drawn.hash not in repr(drawn)


def test_nobody_can_ask_for_a_slow_hash(drawn):
    assert not is_costly(drawn.hash)
    assert quick_hash(drawn.text) == drawn.hash


@pytest.fixture
def old_hash(drawn) -> str:
    """As versions before 0.2 stored it."""
    return PasswordHasher(2, 19_456, 1).hash(drawn.text.split("_", 2)[2])


def test_what_was_verified_costs_no_argon2_for_a_minute(drawn, old_hash, monkeypatch):
    clock, calls = Seconds(), []
    verifier = TokenVerifier(clock)
    verify = verifier._hasher.verify
    counting = type("Counting", (), {"verify": lambda _, *given: calls.append(1) or verify(*given)})()
    monkeypatch.setattr(verifier, "_hasher", counting)
    for _ in range(3):
        assert verifier.fits(drawn.text, old_hash)
    assert len(calls) == 1
    clock.turn(61)
    assert not verifier.is_remembered(drawn.text)
    assert verifier.fits(drawn.text, old_hash)
    assert len(calls) == 2


def test_a_remembered_token_fails_as_soon_as_another_hash_is_stored(drawn, old_hash):
    verifier = TokenVerifier()
    assert verifier.fits(drawn.text, old_hash)
    assert not verifier.fits(drawn.text, draw_token().hash)
    assert not verifier.fits(draw_token().text, old_hash)


@pytest.mark.parametrize("text", ["", "clm_", "clm_x_y", "clm_0123456789abcdef_short", "Bearer x", "clm_\ud800_\0"])
def test_what_is_no_token_fits_nothing(drawn, text):
    assert token_id(text) is None
    assert not TokenVerifier().fits(text, drawn.hash)


def test_a_damaged_hash_fits_nothing(drawn):
    assert not TokenVerifier().fits(drawn.text, "not a hash")


def test_a_bucket_empties_and_fills():
    clock = Seconds()
    limiter = RateLimiter(per_second=2, burst=3, clock=clock)
    assert [limiter.take("ada") for _ in range(3)] == [0, 0, 0]
    assert limiter.take("ada") == pytest.approx(0.5)
    assert limiter.take("ben") == 0
    clock.turn(0.5)
    assert limiter.wait_seconds("ada") == 0
    assert limiter.take("ada") == 0
    assert limiter.take("ada") == pytest.approx(0.5)
    clock.turn(1000)
    assert [limiter.take("ada") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


def test_buckets_of_strangers_do_not_pile_up():
    limiter = RateLimiter(per_second=1, burst=1)
    for number in range(20_000):
        limiter.take(f"address {number}")
    assert len(limiter._buckets) == 10_000
