"""An adapter on a vLLM server: loaded under a name made of its content digest, so that no name ever changes meaning.

Loading another adapter under a known name can serve stale prefix cache, and `load_inplace` reads the disk at every
step; so each adapter is loaded under its own name, asked for by it, and unloaded when the engine closes.
Source: vLLM's documentation of LoRA adapters, "Dynamically serving LoRA Adapters".
"""

from pathlib import Path

import httpx

from coachlm.errors import ModelError
from reviser.remote.completions import PassingError

_START = "start it with --enable-lora --max-lora-rank 64 and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"


def adapter_name(digest: str) -> str:
    return f"coach-{digest[:32]}"


async def load_adapter(http: httpx.AsyncClient, url: str, digest: str, folder: Path) -> None:
    """Loading what is loaded already is fine. Raises: ModelError, PassingError."""
    name = adapter_name(digest)
    if name in await _models(http, url):
        return
    body = {"lora_name": name, "lora_path": str(folder.absolute())}
    answer = await _post(http, f"{url}/load_lora_adapter", body)
    if answer.status_code == httpx.codes.OK or name in await _models(http, url):
        return
    if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
        raise ModelError(f"the server at {url} loads no adapters; {_START}, or serve a merged model")
    raise ModelError(
        f"the server at {url} refused adapter {digest[:12]} from {folder}: {answer.status_code} {answer.text[:200]}; "
        "the folder must be readable there under the same path"
    )


async def unload_adapter(http: httpx.AsyncClient, url: str, digest: str) -> None:
    """Best effort: a server that is away has forgotten it anyway."""
    try:
        await _post(http, f"{url}/unload_lora_adapter", {"lora_name": adapter_name(digest)})
    except PassingError:
        return


async def _post(http: httpx.AsyncClient, address: str, body: dict[str, str]) -> httpx.Response:
    try:
        return await http.post(address, json=body)
    except httpx.TransportError as error:
        raise PassingError(f"{type(error).__name__} at {address}") from error


async def _models(http: httpx.AsyncClient, url: str) -> set[str]:
    try:
        answer = await http.get(f"{url}/models")
        return {str(model["id"]) for model in answer.json()["data"]} if answer.status_code == httpx.codes.OK else set()
    except httpx.TransportError as error:
        raise PassingError(f"{type(error).__name__} at {url}") from error
    except (ValueError, KeyError, TypeError):
        return set()
