"""Settings of the judge."""

from pydantic import SecretStr

from coachlm.settings.fields import Group, setting


class JudgeSettings(Group):
    """The server that judges, and what it costs."""

    url: str | None = setting(
        "judge_url",
        shown_by="tests/evaluation/test_judge_commands.py::test_the_rubric",
        default=None,
        description="OpenAI-compatible server that judges, with its version: http://localhost:8000/v1.",
    )
    model: str | None = setting(
        "judge_model",
        shown_by="tests/evaluation/test_judge_commands.py::test_what_can_not_be_judged_is_said",
        default=None,
        description="Model to ask that server for.",
    )
    api_key: SecretStr = setting("judge_api_key", default=SecretStr(""), description="Key for that server.")
    concurrency: int = setting(
        "judge_concurrency", default=8, ge=1, le=1000, description="Concurrent questions to that server."
    )
    attempts: int = setting(
        "judge_attempts",
        shown_by="tests/evaluation/test_judge_commands.py::test_any_mix_of_faults_is_counted_and_the_figures_are_those_of_the_rest",
        default=5,
        ge=1,
        le=100,
        description="Attempts at a question, the first included.",
    )
    wait_seconds: float = setting(
        "judge_wait_seconds",
        default=1.0,
        gt=0,
        description="Wait before the second attempt; doubled after each, with jitter.",
    )
    timeout_seconds: float = setting(
        "judge_timeout_seconds", default=60.0, gt=0, description="Time limit of one attempt."
    )
    max_tokens: int = setting(
        "judge_max_tokens",
        shown_by="tests/evaluation/test_judge_servers.py::test_limits_and_structure_are_settings",
        default=512,
        ge=1,
        description="Tokens an answer may take, what a reasoning model thinks included: give those some thousands.",
    )
    structured: bool = setting(
        "judge_structured",
        shown_by="tests/evaluation/test_judge_servers.py::test_limits_and_structure_are_settings",
        default=True,
        description="Ask for JSON by a schema (structured outputs); a server that refuses it is asked without.",
    )
    prompt_price: float | None = setting(
        "judge_prompt_price",
        shown_by="tests/evaluation/test_judge_commands.py::test_the_cost_is_said_before_and_after_and_has_to_be_agreed_to",
        default=None,
        ge=0,
        description="Price of a million prompt tokens; with the next setting, costs are shown.",
    )
    completion_price: float | None = setting(
        "judge_completion_price",
        shown_by="tests/evaluation/test_judge_commands.py::test_the_cost_is_said_before_and_after_and_has_to_be_agreed_to",
        default=None,
        ge=0,
        description="Price of a million completion tokens.",
    )
    cache: str = setting(
        "judge_cache",
        shown_by="tests/evaluation/test_judge_commands.py::test_a_killed_command_goes_on",
        default="judge-cache.db",
        description="File that keeps answers, so that nothing is asked or paid for twice.",
    )
