"""An OpenAI-compatible server on loopback that answers, or misbehaves, as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What a question is answered with: a chat completion, or `body` as it is."""

    text: str | None = None
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    hang_up: bool = False
    usage: Any = field(default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 10})

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        choice = {
            "index": 0,
            "finish_reason": self.finish_reason,
            "message": {"role": "assistant", "content": self.text},
        }
        return json.dumps({"choices": [choice], "usage": self.usage}).encode()


Script = Callable[[str, int], Reply]
"""The user's prompt and how often it was asked before → the reply."""


@dataclass
class JudgeTestServer:
    """What came in, in order."""

    script: Script
    port: int = 0
    prompts: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def reply(self, request: dict[str, Any], key: str | None) -> Reply:
        prompt = request["messages"][-1]["content"]
        with self._lock:
            before = self.prompts.count(prompt)
            self.prompts.append(prompt)
            self.requests.append(request)
            self.keys.add(key)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.script(prompt, before)
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def serving(script: Script, port: int = 0) -> Iterator[JudgeTestServer]:
    server = JudgeTestServer(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            reply = server.reply(request, self.headers.get("Authorization"))
            if reply.hang_up:
                self.close_connection = True
                return
            content = reply.content()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", port), Handler) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
