"""A server process that speaks vLLM's completions API and misbehaves as told; what it answers is recognisable.

Run as `python -m tests.reviser.completion_server PORT FAULTS`: FAULTS is JSON, {"fail": share of 500s, "busy": share of
429s, "hang": share of requests that never answer, "close": share of broken connections, "delay": seconds, "adapters":
whether adapters can be loaded, "key": what it wants as its key, "poison": a word that always makes it fail}.
"""

import json
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: dict[str, Any]
    adapters: set[str]
    draw = random.Random(0)
    lock = threading.Lock()
    busy = 0

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        names = ["base", *self.adapters]
        self.answer(200, {"data": [{"id": name} for name in names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if (key := self.faults.get("key")) and self.headers.get("Authorization") != f"Bearer {key}":
            return self.answer(401, {"error": "no"})
        if self.path.endswith("_lora_adapter"):
            return self.change_adapters(body)
        if body["model"] not in {"base", *self.adapters}:
            return self.answer(404, {"error": f"The model `{body['model']}` does not exist."})
        prompt = body["prompt"] if "prompt" in body else body["messages"][0]["content"]
        if "poison" in self.faults and self.faults["poison"] in prompt:
            return self.answer(500, {"error": "boom"})
        if self.misbehaves():
            return None
        time.sleep(self.faults.get("delay", 0.0))
        return self.complete(body, prompt)

    def misbehaves(self) -> bool:
        with self.lock:
            place = self.draw.random()
        for fault in ("fail", "busy", "hang", "close"):
            place -= self.faults.get(fault, 0.0)
            if place < 0:
                match fault:
                    case "fail":
                        self.answer(500, {"error": "boom"})
                    case "busy":
                        self.answer(429, {"error": "later"}, {"Retry-After": "0.1"})
                    case "hang":
                        time.sleep(60)
                    case "close":
                        self.close_connection = True
                        self.connection.close()
                return True
        return False

    def complete(self, body: dict[str, Any], prompt: str) -> None:
        found = re.search(r"Instruction: (.*)\nResponse: (.*)\n", prompt, re.DOTALL)
        instruction, response = found.groups() if found else ("", "")
        text = f"Instruction: {instruction}\nResponse: {response} Revised by {body['model']}."
        finish = "stop"
        if "CUT" in prompt:
            finish = "length"
        if "NONSENSE" in prompt:
            text = "I can't help with that."
        if "LONG" in prompt:
            return self.answer(400, {"error": "This model's maximum context length is 10 tokens."})
        choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        return self.answer(200, {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})

    def change_adapters(self, body: dict[str, Any]) -> None:
        if not self.faults.get("adapters"):
            return self.answer(404, {"detail": "Not Found"})
        with self.lock:
            if self.path.endswith("unload_lora_adapter"):
                self.adapters.discard(body["lora_name"])
            elif body["lora_name"] in self.adapters:
                return self.answer(400, {"error": "already loaded"})
            else:
                self.adapters.add(body["lora_name"])
        return self.answer(200, {})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None: ...


if __name__ == "__main__":
    Handler.faults, Handler.adapters = json.loads(sys.argv[2]), set()
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
