"""An upload to a hub: which files it gets, as whom, and what is said where it fails."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from coachlm.errors import ExportError
from exports.choices.export_formats import ExportFormat
from exports.export import ExportOptions, export_dataset
from exports.hub import check_hub, push_dataset
from tests.dataset_rows import counts_of, make_row

TOKEN = "hf_never_to_be_seen"


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as an upload of a small data set asks for."""

    made: dict[str, Any]
    files: dict[str, bytes]
    tokens: set[str]
    refuses: bool

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.tokens.add(self.headers["Authorization"] or "")
        if self.refuses:
            return self._answer({"error": f"no right for {self.headers['Authorization']}"}, 403)
        if self.path == "/api/repos/create":
            self.made.update(json.loads(body))
            return self._answer({"url": f"http://{self.headers['Host']}/datasets/ada/set"})
        if self.path.endswith("/preupload/main"):
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        if self.path.startswith("/api/datasets/ada/set/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return self._answer(
                {
                    "commitUrl": f"http://{self.headers['Host']}/datasets/ada/set/commit/1",
                    "commitOid": "1",
                    "pullRequestUrl": None,
                }
            )
        return self._answer({}, 200)

    def do_GET(self) -> None:
        self._answer([] if "/tree/" in self.path else {"id": "ada/set", "sha": "0" * 40, "siblings": []})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    kind = type("OwnHub", (Hub,), {"made": {}, "files": {}, "tokens": set(), "refuses": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    yield kind
    server.shutdown()
    thread.join()
    server.server_close()


def _exported(folder: Path):
    rows = [make_row()]
    manifest = export_dataset(rows, counts_of(rows), folder, ExportOptions(format=ExportFormat.CHAT))
    (folder / "notes.txt").write_text("mine")
    return manifest


@pytest.mark.parametrize("public", [False, True])
def test_an_export_and_nothing_else_is_uploaded_and_private_unless_asked(tmp_path, hub, public):
    push_dataset(tmp_path, _exported(tmp_path), "ada/set", public=public)
    assert set(hub.files) == {"data.jsonl", "README.md", "manifest.json"}
    assert hub.files["data.jsonl"] == (tmp_path / "data.jsonl").read_bytes()
    assert hub.made["type"] == "dataset"
    assert hub.made.get("private", hub.made.get("visibility") == "private") is not public
    assert hub.tokens == {f"Bearer {TOKEN}"}


def test_a_refusal_is_told_without_the_token(tmp_path, hub):
    hub.refuses = True
    with pytest.raises(ExportError, match="can't upload to ada/set") as told:
        push_dataset(tmp_path, _exported(tmp_path), "ada/set")
    assert TOKEN not in str(told.value)


def test_what_is_missing_is_said_before_anything_is_written(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with pytest.raises(ExportError, match="HF_TOKEN"):
        check_hub("ada/set")
    with pytest.raises(ExportError, match="OWNER/NAME"):
        check_hub("set")
