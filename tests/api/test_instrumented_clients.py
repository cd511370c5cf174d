"""Clients of OpenAI, instrumented as their users do it, send what they saw to the service."""

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from threading import Thread

import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as OpenTelemetry
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.api.service import Service, token_of
from tests.reviser.chat_server import Handler

pytestmark = pytest.mark.slow

ASKED, ANSWERED = (
    "Is it a good idea to eat apples for breakfast every day?",
    "I think that this pair is quite nice, honestly.",
)


@pytest.fixture(scope="module")
def chat_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def providers(lite: Service) -> Iterator[tuple[TracerProvider, LoggerProvider]]:
    headers = {"Authorization": f"Bearer {token_of('ines').text}"}
    tracers, loggers = TracerProvider(), LoggerProvider()
    spans = OTLPSpanExporter(f"{lite.url}/otlp/v1/traces", headers=headers)
    logs = OTLPLogExporter(f"{lite.url}/otlp/v1/logs", headers=headers)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    yield tracers, loggers
    tracers.shutdown()
    loggers.shutdown()


def _ask(url: str) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": ASKED}]
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="prose", messages=messages)


def _check(service: Service) -> None:
    counts = service.services.reader.flow_counts()
    assert counts.pairs == 1, counts
    [row] = service.services.reader.dataset_rows()
    assert (row.raw.instruction, row.raw.response) == (ASKED, ANSWERED)
    assert row.raw.context is not None
    assert row.provenance.system_prompt == "Be kind."


def test_openinference(lite: Service, providers, chat_url: str):
    instrumentor = OpenInference()
    instrumentor.instrument(tracer_provider=providers[0])
    try:
        _ask(chat_url)
    finally:
        instrumentor.uninstrument()
    _check(lite)


@pytest.mark.parametrize(
    ("opt_in", "capture"),
    [("gen_ai_latest_experimental", "SPAN_ONLY"), ("gen_ai_latest_experimental", "EVENT_ONLY"), ("", "true")],
)
def test_opentelemetrys_own(lite: Service, providers, chat_url: str, monkeypatch: pytest.MonkeyPatch, opt_in, capture):
    """New conventions in spans or events, and those of version 1.36 and before, whose events come one by one."""
    monkeypatch.setattr(
        _OpenTelemetrySemanticConventionStability, "_initialized", False
    )  # it reads the environment once
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", capture)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "true")
    instrumentor = OpenTelemetry()
    instrumentor.instrument(tracer_provider=providers[0], logger_provider=providers[1])
    try:
        _ask(chat_url)
    finally:
        instrumentor.uninstrument()
    _check(lite)
