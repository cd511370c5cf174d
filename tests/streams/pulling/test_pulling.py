"""Pulling from other services: all pages once, on after a stop, what is new later, and never a key in words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from coachlm.machine.waiting import Backoff
from streams.pulling import web
from tests.command_line import main
from tests.streams.pulling.log_services import KEY, PUBLIC, SECRET, Services, log_services


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    keys = {"LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET, "LANGSMITH_API_KEY": KEY}
    for name, value in {**keys, "PHOENIX_API_KEY": KEY, "HF_TOKEN": KEY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(web, "_WAITS", Backoff(0.0))
    with log_services() as found:
        yield found


@pytest.fixture
def pull(services: Services, tmp_path: Path) -> Callable[..., Any]:
    def call(*words: str, code: int = 0) -> Any:
        options = ["--host", services.url, "--db", f"sqlite:///{tmp_path / 'my.db'}", "--json"]
        done: Result = CliRunner().invoke(main, ["pull", *words, *options])
        assert done.exit_code == code, done.output
        assert SECRET not in done.output
        assert KEY not in done.output
        return json.loads(done.stdout)

    return call


def _question(number: int) -> str:
    return f"Describe fruit number {number} in two friendly sentences, please."


def _observation(number: int, day: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"o{number}",
        "traceId": f"t{number}",
        "type": "GENERATION",
        "startTime": f"2026-11-{day:02}T10:00:00.000Z",
        "input": json.dumps([{"role": "user", "content": _question(number)}]),
        "output": json.dumps({"role": "assistant", "content": f"Fruit number {number} is red and sweet. Enjoy it."}),
        "providedModelName": "m",
        **more,
    }


def _run(number: int) -> dict[str, Any]:
    said = {"messages": [{"role": "user", "content": _question(number)}]}
    answer = {"choices": [{"message": {"role": "assistant", "content": f"Fruit {number} is red. Enjoy it."}}]}
    return {
        "id": f"r{number}",
        "run_type": "llm",
        "inputs": said,
        "outputs": answer,
        "start_time": "2026-11-01T10:00:00",
    }


def _span(number: int, kind: str = "LLM") -> dict[str, Any]:
    return {
        "id": f"S{number}",
        "name": "ChatCompletion",
        "context": {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"},
        "span_kind": kind,
        "parent_id": None,
        "start_time": "2026-11-01T10:00:00+00:00",
        "end_time": "2026-11-01T10:00:01+00:00",
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "openinference.span.kind": kind,
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": _question(number),
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": f"Fruit number {number} is red. Enjoy it.",
        },
        "events": [],
    }


def _row(number: int) -> dict[str, Any]:
    answer = {"role": "assistant", "content": f"Fruit number {number} is red. Enjoy it."}
    return {"messages": [{"role": "user", "content": _question(number)}, answer]}


def _pairs(told: dict[str, Any]) -> int:
    return told["accepted"] + told["excluded"] + told["near_duplicates"]


@pytest.mark.parametrize("is_legacy", [False, True])
def test_langfuse_all_pages_then_what_is_new(services: Services, pull, is_legacy: bool):
    services.is_legacy = is_legacy
    services.observations = [_observation(n) for n in range(5)]
    first = pull("langfuse", "--until", "2026-11-02")
    assert (first["records"], _pairs(first), first["finished"]) == (5, 5, True)
    assert first["pages"] == (1 if is_legacy else 3)
    services.observations.append(_observation(9, day=2))
    later = pull("langfuse", "--until", "2026-11-03")
    assert (later["records"], _pairs(later)) == (1, 1)
    assert services.asked[-1][1]["fromStartTime"] == ["2026-11-01T23:00:00.000000Z"]
    again = pull("langfuse", "--until", "2026-11-03", "--afresh")
    assert (again["records"], _pairs(again), again["exact_duplicates"]) == (6, 0, 0)


def test_a_pull_that_stopped_goes_on_with_the_next_page(services: Services, pull):
    services.observations = [_observation(n) for n in range(5)]
    services.failures = [(200, {})]  # no JSON of the documented form
    assert "another form" in pull("langfuse", code=1)["error"]
    part = pull("langfuse", "--limit", "1")
    assert (part["records"], part["finished"]) == (2, False)
    services.asked.clear()
    rest = pull("langfuse")
    assert (rest["records"], rest["went_on"], rest["finished"]) == (3, True, True)
    assert [params["cursor"] for _, params in services.asked] == [["after-2"], ["after-4"]]


def test_an_observation_that_had_no_answer_yet_is_pulled_again(services: Services, pull):
    services.observations = [_observation(1, output=None)]
    assert pull("langfuse", "--until", "2026-11-02")["rejected"] == 1
    services.observations = [_observation(1)]
    assert _pairs(pull("langfuse", "--since", "2026-10-01", "--afresh")) == 1


def test_langsmith(services: Services, pull):
    services.runs = [_run(n) for n in range(3)]
    told = pull("langsmith", "--project", "shop", "--since", "2026-11-01", "--until", "2026-11-02")
    assert (told["records"], _pairs(told)) == (3, 3)
    assert services.bodies[-1]["filter"] == (
        'and(gte(start_time, "2026-11-01T00:00:00.000000Z"), lt(start_time, "2026-11-02T00:00:00.000000Z"))'
    )
    assert "'shops'" in pull("langsmith", "--project", "shops", code=1)["error"]


def test_phoenix(services: Services, pull):
    services.spans = [_span(0), _span(1, "CHAIN"), _span(2)]
    told = pull("phoenix")
    assert (told["records"], _pairs(told)) == (2, 2)
    assert services.asked[-1][1]["span_kind"] == ["LLM", "UNKNOWN"]


def test_hugging_face(services: Services, pull):
    services.rows = [_row(0), _row(1), "cut", {"strange": 1}, _row(4)]
    part = pull("huggingface", "ada/chats", "--limit", "1")
    rest = pull("huggingface", "ada/chats", "--split", "train")
    assert (part["records"], rest["records"], _pairs(part) + _pairs(rest)) == (2, 3, 3)
    assert rest["reasons"] == {"unreadable": 1, "unknown_shape": 1}
    assert part["source"] == "huggingface:ada/chats@ffffffffffff/default/train"
    assert pull("huggingface", "ada/chats")["records"] == 0
    assert "train, test" in pull("huggingface", "ada/chats", "--split", "dev", code=1)["error"]
    assert "404" in pull("huggingface", "ada/none", code=1)["error"]


def test_bad_records_become_rejects_and_the_pull_goes_on(services: Services, pull):
    services.observations = [_observation(0), 5, {"id": "x"}, _observation(1, input=7), _observation(2)]
    told = pull("langfuse")
    assert (told["records"], _pairs(told), told["rejected"]) == (5, 2, 3)


def test_a_busy_service_is_waited_for(services: Services, pull, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setitem(web.Web.__init__.__kwdefaults__, "wait", waited.append)
    services.observations = [_observation(0)]
    services.failures = [(429, {"Retry-After": "7"}), (503, {})]
    monkeypatch.setattr(web, "_WAITS", Backoff(0.25, 300))
    assert pull("langfuse")["records"] == 1
    assert waited[0] == 7
    assert 0 < waited[1] <= 0.5
    services.failures = [(500, {})] * 8
    assert "goes on here" in pull("langfuse", "--afresh", code=1)["error"]
    services.failures = [(429, {"Retry-After": "4000"})]
    assert "later" in pull("langfuse", "--afresh", code=1)["error"]


def test_a_long_page_is_asked_for_in_smaller_ones(services: Services, pull, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(web.Web.__init__.__kwdefaults__, "max_bytes", 3_000)
    services.observations = [_observation(n) for n in range(12)]
    services.page = 12
    assert pull("langfuse")["records"] == 12
    services.is_legacy = True
    assert pull("langfuse", "--afresh")["records"] == 12
    services.observations = [_observation(99, output="x" * 4_000)]
    assert "longer" in pull("langfuse", "--afresh", code=1)["error"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["langfuse"], "LANGFUSE_SECRET_KEY"),
        (["langsmith", "--project", "shop"], "LANGSMITH_API_KEY"),
        (["phoenix"], "PHOENIX_API_KEY"),
    ],
)
def test_a_wrong_key_is_told_by_its_name(services: Services, pull, monkeypatch: pytest.MonkeyPatch, words, names):
    for name in ("LANGFUSE_SECRET_KEY", "LANGSMITH_API_KEY", "PHOENIX_API_KEY"):
        monkeypatch.setenv(name, "wrong-but-secret")
    told = pull(*words, code=1)
    assert names in told["error"]
    assert "wrong-but-secret" not in told["error"]
    monkeypatch.delenv(names)
    assert names in pull(*words, code=1)["error"]


def test_a_key_may_stand_in_a_file(services: Services, pull, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    monkeypatch.delenv("LANGFUSE_SECRET_KEY")
    monkeypatch.setenv("LANGFUSE_SECRET_KEY_FILE", str(file))
    assert pull("langfuse")["finished"]
    file.unlink()
    assert "LANGFUSE_SECRET_KEY_FILE" in pull("langfuse", code=1)["error"]


def test_a_service_that_sends_elsewhere_gets_no_key_there(services: Services, pull):
    services.failures = [(302, {"Location": "http://127.0.0.1:9/elsewhere"})]
    assert "elsewhere" in pull("langfuse", code=1)["error"]
