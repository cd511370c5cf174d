"""Settings of coaches that are told what to do instead of being tuned for it."""

from coachlm.instructing import Coach
from coachlm.settings.fields import Group, setting

EXAMPLE_SOURCES = ("auto", "bundled", "database", "none")
"""Anything else is a file."""


class InstructingSettings(Group):
    """Which coach a model is, what it is told and shown, and what it may cost."""

    coach: Coach = setting(
        "coach",
        shown_by="tests/reviser/test_instructed.py::test_the_settings_make_it",
        default="tuned",
        description="`tuned`: the model was trained to revise, by itself or by its adapter. `instructed`: a chat model "
        "that is told how, and shown approved revisions; it takes no adapter.",
    )
    guidelines: str | None = setting(
        "coach_guidelines",
        shown_by="tests/reviser/test_instructed.py::test_the_settings_make_it",
        default=None,
        description="Text file with your own guidelines for an instructed coach; they go before the general ones.",
    )
    examples: str = setting(
        "coach_examples",
        shown_by="tests/reviser/test_instructed.py::test_examples_come_from_where_the_settings_say",
        default="auto",
        description="What an instructed coach is shown: the `database`'s approved pairs, the `bundled` revisions, "
        "`none`, or those of a file (JSON lines with `raw` and `revised`). `auto`: approved pairs once there are 50, "
        "the bundled revisions until then.",
    )
    shown: int = setting(
        "coach_shown",
        shown_by="tests/reviser/test_instructed.py::test_the_settings_make_it",
        default=3,
        ge=0,
        le=20,
        description="How many examples an instructed coach is shown for each pair, the most similar ones.",
    )
    budget_tokens: int = setting(
        "budget_tokens",
        shown_by="tests/reviser/test_instructed.py::test_a_spent_budget_ends_the_run_and_keeps_what_was_made",
        default=0,
        ge=0,
        description="Tokens, prompts and answers together, that `openai` may take in one run; then it stops. 0: no "
        "limit.",
    )
    answer_cache: str | None = setting(
        "answer_cache",
        shown_by="tests/reviser/test_instructed.py::test_what_was_answered_once_is_not_asked_again",
        default=None,
        description="Folder in which `openai` keeps an instructed coach's answers, so that the same question costs "
        "nothing the next time. They hold texts of your logs: delete the folder with them.",
    )
    answer_cache_mib: int = setting(
        "answer_cache_mib",
        shown_by="tests/reviser/test_instructed.py::test_the_cache_forgets_what_was_used_longest_ago",
        default=512,
        ge=1,
        description="How large that folder may grow.",
    )
