"""What an engine on servers is told."""

from dataclasses import dataclass

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.errors import SettingsError
from reviser.remote.completions import Endpoint


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Whom to ask and how hard."""

    servers: tuple[str, ...]  # base URLs with their version, e.g. http://10.0.0.7:8000/v1
    model: str
    api_key: str = ""
    endpoint: Endpoint = "completions"
    in_flight: int = 64  # requests at once, a server each
    max_new_tokens: int = 1024
    request_seconds: float = 120.0  # deadline of one request
    outage_seconds: float = 300.0  # how long a call goes on trying while requests fail
    prompting: Prompting = PAPER  # as the adapter was trained
    first_wait_seconds: float = 0.5  # doubled with each try of a request, with jitter
    budget_tokens: int = 0  # of prompts and answers, over the engine's life; 0: no limit

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if not self.servers or not self.model:
            raise SettingsError("COACHLM_ENGINE=openai needs COACHLM_OPENAI_SERVERS and COACHLM_MODEL, the name there")
        for server in self.servers:
            if not server.startswith(("http://", "https://")):
                raise SettingsError(f"COACHLM_OPENAI_SERVERS: {server!r} must start with http:// or https://")

    def __repr__(self) -> str:
        return f"RemoteOptions({self.servers!r}, {self.model!r})"  # never the key
