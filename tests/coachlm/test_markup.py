"""What counts as prose and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.text.markup import code_blocks, inline_code, overlaps, prose, protected_spans


def test_fences_open_and_close_as_in_commonmark() -> None:
    text = "a\n```python\nx = 1\n```\nb\n~~~\n```\n~~~\nc\n````\n```\n````\nd\n```\nopen"
    assert [(block.body, block.closed) for block in code_blocks(text)] == [
        ("x = 1\n", True),
        ("```\n", True),
        ("```\n", True),
        ("open", False),
    ]


def test_inline_code_lies_outside_blocks() -> None:
    text = "use `x` or ``y`z``\n```\n`not`\n```\nand `w`"
    assert [text[start:end] for start, end in inline_code(text)] == ["`x`", "`w`"]


@pytest.mark.parametrize(
    "span",
    [
        "`code`",
        "https://example.com/a?b=c",
        "www.example.com",
        "a.b@example.com",
        "/usr/lib/x.so",
        "C:\\Users\\x",
        "<EMAIL_1>",
        "<b class='x'>",
        "\\(a + b\\)",
        "$x_1 = 2$",
        "{{name}}",
        "${HOME}",
    ],
)
def test_spans_that_are_no_prose(span: str) -> None:
    text = f"See {span} now."
    assert [text[start:end] for start, end in protected_spans(text)] == [span]
    assert prose(text) == "See   now."


@pytest.mark.parametrize("text", ["and/or, he/she", "5 < 6 and 7 > 3", "it costs $5 or $6", "a: b", "x | y", "10 @ 5"])
def test_prose_is_prose(text: str) -> None:
    assert protected_spans(text) == []


def test_table_rows_are_no_prose() -> None:
    text = "Look:\n| a | b |\n|---|---|\nx | y | z\nDone."
    assert prose(text) == "Look:\n \n \n \nDone."


@given(
    st.lists(st.sampled_from(["```\n", "`", "~~~", "\n", "<a>", "|", "x", " ", "https://a.b", "    ;"])).map("".join)
)
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = protected_spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:], strict=False))  # noqa: RUF007
    for place in range(len(text)):
        assert overlaps(spans, place, place + 1) == any(start <= place < end for start, end in spans)
