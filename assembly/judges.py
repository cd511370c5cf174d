"""Judges by the names that options give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coachlm.errors import SettingsError
from coachlm.settings import Settings

if TYPE_CHECKING:
    from evaluation.judges.judging import Judge
    from evaluation.judges.servers.openai import OpenAIJudge

NAMED = ("likeness", "likeness-length-free", "longer")
"""Judges that need nothing: expert-revision likeness, with and without length, and length alone."""
_FORMER = {"local": "likeness", "local-length-free": "likeness-length-free"}
"""Names of 0.1.0, which said nothing of what is scored."""


def present_names(names: Sequence[str]) -> list[str]:
    """Each judge once, by the name it has now."""
    return list(dict.fromkeys(_FORMER.get(name, name) for name in names))


def check_judges(names: Sequence[str], settings: Settings) -> None:
    """Whether `named_judges` would know them, without loading any. Raises: SettingsError."""
    if not names:
        from evaluation.judges.worth import choices

        raise SettingsError(f"no judge was chosen, and there is no default; give one or several:\n{choices()}")
    for name in present_names(names):
        if name not in (*NAMED, "server") and not name.startswith("model:"):
            raise SettingsError(f"no judge {name!r}: give {', '.join(NAMED)}, server or model:FOLDER")
    if "server" in names and not (settings.judge.url and settings.judge.model):
        raise SettingsError(
            "no judge: give --judge-url and --judge-model (or COACHLM_JUDGE_URL and COACHLM_JUDGE_MODEL; the key, if "
            "it needs one, as COACHLM_JUDGE_API_KEY)"
        )


@contextmanager
def server_judge(settings: Settings) -> Iterator[OpenAIJudge]:
    """Raises: SettingsError, InputError."""
    from evaluation.judges.servers.cache import JudgeCache
    from evaluation.judges.servers.chat_client import JudgeServer
    from evaluation.judges.servers.openai import OpenAIJudge

    check_judges(["server"], settings)
    server = JudgeServer(
        base_url=settings.judge.url or "",
        model=settings.judge.model or "",
        api_key=settings.judge.api_key.get_secret_value(),
        concurrency=settings.judge.concurrency,
        attempts=settings.judge.attempts,
        first_wait_seconds=settings.judge.wait_seconds,
        timeout_seconds=settings.judge.timeout_seconds,
        max_completion_tokens=settings.judge.max_tokens,
        structured=settings.judge.structured,
        prompt_price=settings.judge.prompt_price,
        completion_price=settings.judge.completion_price,
    )
    with JudgeCache(Path(settings.judge.cache)) as cache:
        yield OpenAIJudge(server, cache)


@contextmanager
def named_judges(names: Sequence[str], settings: Settings) -> Iterator[list[Judge]]:
    """See `NAMED`; `server`; or `model:FOLDER` for a local causal model.

    Raises: SettingsError, InputError, TrainingError.
    """
    from evaluation.judges.local import LocalJudge, LongerJudge
    from evaluation.judges.worth import LIKENESS_LENGTH_FREE
    from evaluation.scorer.scorer import PairScorer

    def build(name: str) -> Judge:
        if name.startswith("model:"):
            return _model_judge(name.removeprefix("model:"))
        if name == "longer":
            return LongerJudge()
        if name == "likeness":
            return LocalJudge(PairScorer.load())
        return LocalJudge(PairScorer.load(length_free=True), name=LIKENESS_LENGTH_FREE)

    check_judges(names, settings)
    chosen = present_names(names)
    if "server" not in chosen:
        yield [build(name) for name in chosen]
        return
    with server_judge(settings) as asked:
        yield [asked if name == "server" else build(name) for name in chosen]


def _model_judge(folder: str) -> Judge:
    from evaluation.judges.causal import CausalJudge
    from trainer.generation import CausalGenerator

    return CausalJudge(CausalGenerator.load(folder, max_new_tokens=64))
