"""An OpenID Connect provider as a process of its own, and its tokens, as a company's users get them."""

import sys
from pathlib import Path
from signal import Signals
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from devtools.servers.process import ServerProcess, free_ports

CLIENT = "coachlm-pages"  # the audience of the tokens


class IdentityProvider:
    """It draws a new signing key with every start. `max_age_seconds` below zero: its tokens are over when they come."""

    def __init__(self, folder: Path, *, max_age_seconds: int = 3600) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"provider-{port}.log"
        options = ["--port", str(port), "--token-max-age", str(max_age_seconds)]
        self._command = [sys.executable, "-m", "oidc_provider_mock", *options]
        self._process: ServerProcess | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What makes the service take its tokens."""
        metadata = self._get("/.well-known/openid-configuration").json()
        return {"oidc_issuer": metadata["issuer"], "oidc_audience": CLIENT, "oidc_jwks_url": metadata["jwks_uri"]}

    def start(self) -> None:
        self._process = ServerProcess(self._command, self._log)
        self._process.await_ready(self._answers, 120)

    def ensure(self) -> None:
        if self._process is None:
            self.start()

    def stop(self) -> None:
        if self._process is not None:
            self._process.end(Signals.SIGTERM)
            self._process = None

    def identity_token(self, subject: str, audience: str = CLIENT) -> str:
        """As a program gets it: the authorization code flow, with the consent given."""
        back = "http://127.0.0.1/back"
        query = {"client_id": audience, "redirect_uri": back, "response_type": "code", "scope": "openid email"}
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            given = http.post("/oauth2/authorize", params=query, data={"sub": subject})
            code = parse_qs(urlsplit(given.headers["location"]).query)["code"][0]
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
            answer = http.post("/oauth2/token", data=form, auth=(audience, "a secret"))
            return answer.raise_for_status().json()["id_token"]

    def _answers(self) -> bool:
        try:
            return self._get("/.well-known/openid-configuration").is_success
        except httpx.TransportError:
            return False

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, trust_env=False, timeout=5)
