"""Mounts our browser components: ES modules under `components/`, loaded as they are, without a build step."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import xxhash
from streamlit.components import v2
from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).parents[1] / "components"

# Streamlit runs a component's script from a blob, where relative imports don't work; so it only fetches the module.
_LOADER = """
export default async function (component) {
  const address = new URL(".%s/%s/main.js", document.baseURI);
  return (await import(address.href)).default(component);
}
"""
# Folders whose style.css a component has.
_STYLES = {
    "editor": ("shared",),
    "rating": ("shared", "rating"),
    "review": ("shared", "review"),
}  # folders whose style.css a component has


def mount(name: str, key: str, data: Mapping[str, Any]) -> None:
    """Shows the component in folder `components/NAME`; `data` reaches its `main.js`."""
    _renderer(name)(key=key, data=dict(data))


@cache
def assets_path() -> str:
    """Where the browser finds `components/`; another address with every change, so that it may keep what it has."""
    files = sorted(file for file in ASSETS.rglob("*") if file.is_file())
    digest = xxhash.xxh3_64()
    for file in files:
        digest.update(f"{file.relative_to(ASSETS)}\0".encode() + file.read_bytes())
    return f"/coachlm/assets/{digest.hexdigest()}"


@cache
def _renderer(name: str) -> ComponentRenderer:
    html = (ASSETS / name / "view.html").read_text(encoding="utf-8")
    folders = _STYLES.get(name, (name,))
    css = "".join((ASSETS / folder / "style.css").read_text(encoding="utf-8") for folder in folders)
    return v2.component(f"coachlm.{name}", html=html, css=css, js=_LOADER % (assets_path(), name))
