"""Judges and raters behind any OpenAI-compatible server; what was asked before is answered from a file at no cost."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from coachlm.http_answers import CHARS_PER_TOKEN
from coachlm.pairs import InstructionPair, content_hash
from evaluation.judges.answers import (
    AnswerError,
    Failure,
    PairwiseAnswer,
    Rating,
    RubricRating,
    read_pairwise,
    read_rating,
    read_rubric,
)
from evaluation.judges.dialect import Dialect, Schema
from evaluation.judges.judging import Comparison, Verdict
from evaluation.judges.prompts import (
    PAIRWISE_SCHEMA,
    PROMPT_VERSION,
    RATING_SCHEMA,
    RUBRIC_SCHEMA,
    SYSTEM,
    pairwise_prompt,
    rating_prompt,
    rubric_prompt,
)
from evaluation.judges.servers.cache import CachedAnswer, JudgeCache
from evaluation.judges.servers.chat_client import ChatClient, Completion, JudgeServer

Answer = TypeVar("Answer")

ANSWER_TOKENS = 90
"""What an answer of the asked-for shape takes; for estimates."""

_SERVER_GONE = frozenset({Failure.UNREACHABLE, Failure.TIMEOUT, Failure.SERVER_ERROR, Failure.RATE_LIMITED})


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would ask and cost; tokens by length, not by the model's own tokenizer."""

    questions: int  # different ones
    cached: int
    prompt_tokens: int  # of those not cached
    completion_tokens: int
    cost: float | None  # None where the server's prices aren't given

    def __add__(self, other: "Estimate") -> "Estimate":
        """Of different questions; what both would ask counts twice."""
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Estimate(
            self.questions + other.questions,
            self.cached + other.cached,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            cost,
        )


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run asked and cost, answers that could not be used included; retries of failed calls are not."""

    asked: int
    from_cache: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None

    def __add__(self, other: "Spending") -> "Spending":
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Spending(
            self.asked + other.asked,
            self.from_cache + other.from_cache,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            cost,
        )


@dataclass(frozen=True, slots=True)
class Answers(Generic[Answer]):
    """In the order of the questions; a failed one has its reason instead."""

    answers: list[Answer | Failure]
    spending: Spending

    @property
    def failures(self) -> dict[Failure, int]:
        return dict(Counter(each for each in self.answers if isinstance(each, Failure)))

    @property
    def usable(self) -> list[Answer]:
        return [each for each in self.answers if not isinstance(each, Failure)]


class OpenAIJudge:
    """Rates and compares. Runs one call at a time; a call asks up to `server.concurrency` questions at once."""

    def __init__(self, server: JudgeServer, cache: JudgeCache) -> None:
        self._server = server
        self._cache = cache
        self._failures: Counter[Failure] = Counter()
        self._spending = Spending(0, 0, 0, 0, server.cost(0, 0))
        self._dialect: Dialect | None = None
        self._messages: Counter[str] = Counter()
        self._compared: dict[Comparison, PairwiseAnswer] = {}

    @property
    def name(self) -> str:
        return self._server.model

    @property
    def failures(self) -> dict[str, int]:
        """Over all calls."""
        return {failure.value: count for failure, count in self._failures.items()}

    @property
    def spending(self) -> Spending:
        """Over all calls."""
        return self._spending

    @property
    def messages(self) -> dict[str, int]:
        """What the server said of questions that it refused → how often, over all calls."""
        return dict(self._messages.most_common())

    def answer_to(self, comparison: Comparison) -> PairwiseAnswer | None:
        """Scores and reason that a verdict of an earlier call came from; None, where there was none."""
        return self._compared.get(comparison)

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        found = await self.compare(comparisons)
        self._compared |= {
            comparison: answer
            for comparison, answer in zip(comparisons, found.answers, strict=True)
            if not isinstance(answer, Failure)
        }
        return [None if isinstance(each, Failure) else each.verdict for each in found.answers]

    async def compare(self, comparisons: Sequence[Comparison]) -> Answers[PairwiseAnswer]:
        return await self._answers([pairwise_prompt(each) for each in comparisons], read_pairwise, PAIRWISE_SCHEMA)

    async def rate(self, pairs: Sequence[InstructionPair]) -> Answers[Rating]:
        return await self._answers([rating_prompt(pair) for pair in pairs], read_rating, RATING_SCHEMA)

    async def rate_by_rubric(self, pairs: Sequence[InstructionPair]) -> Answers[RubricRating]:
        return await self._answers([rubric_prompt(pair) for pair in pairs], read_rubric, RUBRIC_SCHEMA)

    def estimate(self, prompts: Sequence[str]) -> Estimate:
        """Before a run; prompts as `evaluation.judges.prompts` makes them."""
        different = list(dict.fromkeys(prompts))
        new = [prompt for prompt in different if self._cache.get(self._key(prompt)) is None]
        prompt_tokens = sum((len(SYSTEM) + len(prompt)) // CHARS_PER_TOKEN + 1 for prompt in new)
        completion_tokens = ANSWER_TOKENS * len(new)
        cost = self._server.cost(prompt_tokens, completion_tokens)
        return Estimate(len(different), len(different) - len(new), prompt_tokens, completion_tokens, cost)

    def _key(self, prompt: str) -> str:
        server = self._server
        limits = f"{PROMPT_VERSION} {server.max_completion_tokens}"
        return content_hash(server.base_url, server.model, limits, SYSTEM, prompt)

    async def _answers(self, prompts: list[str], read: Callable[[str], Answer], schema: Schema) -> Answers[Answer]:
        async with ChatClient(self._server, self._dialect) as client:
            run = _Run(self._server, self._cache, client, self._key, read, schema)
            questions = iter(list(dict.fromkeys(prompts)))
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._server.concurrency):
                        group.create_task(run.work(questions))
            except ExceptionGroup as errors:  # all for one reason: the cache
                raise errors.exceptions[0] from errors
            self._dialect = client.dialect
        self._messages.update(run.messages)
        answers = Answers([run.found[prompt] for prompt in prompts], run.spending())
        self._failures.update(answers.failures)
        self._spending += answers.spending
        return answers


class _Run(Generic[Answer]):
    """The state of one call: what was found, what it cost, and whether the server is still there."""

    def __init__(
        self,
        server: JudgeServer,
        cache: JudgeCache,
        client: ChatClient,
        key: Callable[[str], str],
        read: Callable[[str], Answer],
        schema: Schema,
    ) -> None:
        self.found: dict[str, Answer | Failure] = {}
        self.messages: Counter[str] = Counter()
        self._server, self._cache, self._client, self._key, self._read = server, cache, client, key, read
        self._schema = schema
        self._asked = self._from_cache = self._prompt_tokens = self._completion_tokens = 0
        self._gone_in_a_row = self._refused_in_a_row = 0
        self._refusal = ""

    async def work(self, questions: Iterator[str]) -> None:
        for prompt in questions:
            try:
                self.found[prompt] = await self._answer(prompt)
            except AnswerError as error:
                self.found[prompt] = error.failure

    async def _answer(self, prompt: str) -> Answer:
        """Only what can be read is kept: a failed question is asked again by the next run."""
        key = self._key(prompt)
        if (kept := self._cache.get(key)) is not None:
            with suppress(AnswerError):
                answer = self._read(kept.text)
                self._from_cache += 1
                return answer
        said = await self._ask(prompt)
        if said.failure is not None:
            raise AnswerError(said.failure)
        answer = self._read(said.text)
        self._cache.put(key, CachedAnswer(said.text, said.prompt_tokens, said.completion_tokens))
        return answer

    async def _ask(self, prompt: str) -> Completion:
        server = self._server
        if self._gone_in_a_row >= server.give_up_after or self._refused_in_a_row >= server.refused_after:
            raise AnswerError(Failure.NOT_ASKED)
        self._asked += 1
        try:
            answer = await self._client.ask(SYSTEM, prompt, self._schema)
        except AnswerError as error:
            self._note(error)
            raise
        self._gone_in_a_row = self._refused_in_a_row = 0
        self._prompt_tokens += answer.prompt_tokens
        self._completion_tokens += answer.completion_tokens
        return answer

    def _note(self, error: AnswerError) -> None:
        """A wrong key or model refuses every question in the same words; a single question's refusal is its own."""
        self._gone_in_a_row = self._gone_in_a_row + 1 if error.failure in _SERVER_GONE else 0
        if error.message:
            self.messages[error.message] += 1
        same = error.of_all and error.message == self._refusal
        self._refused_in_a_row = self._refused_in_a_row + 1 if same else int(error.of_all)
        self._refusal = error.message

    def spending(self) -> Spending:
        tokens = self._prompt_tokens, self._completion_tokens
        return Spending(self._asked, self._from_cache, *tokens, self._server.cost(*tokens))
