"""Expressions that choose pairs: what they mean, and what is said of those that mean nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.desk.where import FIELDS, parse_where
from coachlm.errors import InputError
from coachlm.pairs import InstructionPair, TaskClass
from tests.dataset_rows import make_row

EXTRA = {
    "mark": "bad",
    "mark_from": "thumbs",
    "maybe_cut": True,
    "signals": {"thumbs": "thumbs_down", "score": 0.25, "label": False, "rated by": 4, "noted": None},
}
_PLAIN = make_row(InstructionPair("Name a fruit.", "", "Plum."))
_ORIGIN = replace(_PLAIN.provenance, extra=EXTRA, model="gpt-9", turn=2, timestamp=datetime(2026, 3, 1, tzinfo=UTC))
ROW = replace(_PLAIN, provenance=_ORIGIN, task_class=TaskClass.QA)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("signal:thumbs<0", True),
        ("signal:thumbs = down", True),
        ("signal:thumbs=thumbs_down", True),
        ("signal:thumbs = -1", True),
        ("signal:score<0", False),
        ("signal:score >= 0.25", True),
        ("signal:label=false", True),
        ("signal:label=0 and signal:label<0", True),
        ("signal:label=1", False),
        ("signal:'rated by'>3", True),
        ('signal:"rated by" > 4', False),
        ("signal:noted", True),
        ("signal:noted>0", True),
        ("signal:other", False),
        ("signal:other!=1", False),
        ("not signal:other", True),
        ("signal:score!=1", True),
        ("mark=bad", True),
        ("MARK = Bad AND maybe_cut", True),
        ("mark=good or mark=bad and turn=3", False),
        ("(mark=good or mark=bad) and turn=2", True),
        ("not (mark=bad)", False),
        ("class=qa and model~GPT", True),
        ("class!=creative", True),
        ("time>=2026-02-28", True),
        ("time<2026-02-28", False),
        ("reasoning or adapter", False),
    ],
)
def test_what_an_expression_means(expression: str, holds: bool):
    assert parse_where(expression).holds(ROW) is holds


@pytest.mark.parametrize("field", FIELDS)
def test_a_pair_without_anything_meets_no_test_of_what_it_lacks(field: str):
    found = FIELDS[field](_PLAIN)
    if found is None:
        assert not parse_where(f"{field} = x or {field} ~ x or {field}").holds(_PLAIN)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "the end"),
        ("colour=red", "signal:NAME or a field"),
        ("signal:", "name behind"),
        ("signal:x<", "a value"),
        ("signal:x<tall", "a number behind `<`"),
        ("(mark=bad", r"`\)`"),
        ("mark=bad)", "`and`, `or` or the end"),
        ("mark=bad; DROP TABLE pairs", "at character 11"),
        ("mark ='bad", "quotes have to be closed"),
        ("= 1", "a field"),
        ("a" * 2_001, "at most 2,000"),
        ("(" * 500 + "mark" + ")" * 500, "nested deeper"),
        ("not " * 400 + "mark", "nested deeper"),
    ],
)
def test_what_means_nothing_is_refused_with_the_place(expression: str, said: str):
    with pytest.raises(InputError, match=said):
        parse_where(expression)


@given(st.text(alphabet="signalmrkbdnotr:()<>=!~'\" 01-", max_size=60))
def test_any_text_is_read_or_refused(expression: str):
    try:
        where = parse_where(expression)
    except InputError:
        return
    assert where.holds(ROW) in (True, False)
