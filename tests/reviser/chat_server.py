"""A server process that chats as models do and as they shouldn't; the *model's name* selects how.

Run as `python -m tests.reviser.chat_server PORT`. GET /seen gives what was asked: count by model, and the last bodies.
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COUNT: dict[str, int] = {}
SEEN: list[dict[str, Any]] = []
LOCK = threading.Lock()
_TOO_NEW = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
_NO_HEAT = "Unsupported value: 'temperature' does not support 0 with this model."
_NO_SCHEMA = "response_format of type json_schema is not supported"


def fields(task: str) -> dict[str, str]:
    found = re.finditer(r"<<(instruction|input|response) (\w+)>>\n(.*?)\n<<end of \1 \2>>", task, re.DOTALL)
    return {match[1]: match[3] for match in found}


def revised(body: dict[str, Any]) -> dict[str, str]:
    response = fields(body["messages"][-1]["content"]).get("response", "")
    return {"verdict": "revise", "instruction": "", "input": "", "response": f"{response} And it is well known."}


def _talkative(body: dict[str, Any]) -> str:
    answer = revised(body)
    answer["response"] = f"Here's the improved response:\n\n{answer['response']}\n\n---"
    return f"Sure! Here is the revised pair:\n\n```json\n{json.dumps(answer, indent=2)}\n```\n\nI hope this helps!"


def _written(body: dict[str, Any]) -> str:
    asked = fields(body["messages"][-1]["content"])
    return (
        f"Here's the improved version:\n\n**Instruction:** {asked['instruction']}\n**Response:** "
        f"{revised(body)['response']}\n\nChanges made:\n- I added a remark to the response."
    )


TEXTS = {
    "sane": lambda body: json.dumps(revised(body)),
    "keep": lambda body: json.dumps({"verdict": "keep", "instruction": "", "input": "", "response": ""}),
    "talkative": _talkative,
    "written": _written,
    "thinking": lambda body: f'<think>Maybe {{"response": "no"}}?</think>\n{json.dumps(revised(body))}',
    "lost-in-thought": lambda body: "<think>Let me see. The user wants",
    "prose": lambda body: "I think that this pair is quite nice, honestly.",
    "sorry": lambda body: "I'm sorry, but I can't help with that.",
    "unsure": lambda body: json.dumps(revised(body)) + "\nOr rather:\n" + json.dumps({"response": "Another one."}),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            return self.answer(200, {"data": []})
        with LOCK:
            return self.answer(200, {"count": COUNT, "bodies": SEEN[-200:]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = body["model"]
        with LOCK:
            COUNT[model] = COUNT.get(model, 0) + 1
            SEEN.append(body)
            turn = COUNT[model]
        if complaint := self.complaint(model, body):
            return self.answer(400, {"error": {"message": complaint}})
        if model == "busy" and turn % 2:
            return self.answer(429, {"error": {"message": "rate limited"}}, {"Retry-After": "0.1"})
        if model == "quota":
            return self.answer(429, {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}})
        if model == "garbage":
            return self.answer(200, "<html>not a completion</html>")
        if model == "slow":
            time.sleep(0.05)
        return self.speak(model, body)

    def complaint(self, model: str, body: dict[str, Any]) -> str:
        kind = body.get("response_format", {}).get("type")
        if model == "no-schema" and kind == "json_schema":
            return _NO_SCHEMA
        if model == "no-format" and kind:
            return "unknown field in request"
        if model == "picky" and "max_tokens" in body:
            return _TOO_NEW
        if model == "picky" and "temperature" in body:
            return _NO_HEAT
        return "This model's maximum context length is 10 tokens." if model == "short" else ""

    def speak(self, model: str, body: dict[str, Any]) -> None:
        text = TEXTS.get(model, TEXTS["sane"])(body)
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if model == "refusal-field":
            message |= {"content": None, "refusal": "no"}
        finish = "length" if model == "cut" else "stop"
        usage = {"prompt_tokens": 100, "completion_tokens": 20}
        answer: dict[str, Any] = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
        self.answer(200, answer if model == "uncounted" else answer | {"usage": usage})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
