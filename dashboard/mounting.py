"""Mounts our browser components: ES modules under `components/`, loaded as they are, without a build step."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components import v2
from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).parent / "components"
ASSETS_PATH = "/coachlm/assets"

# Streamlit runs a component's script from a blob, where relative imports don't work; so it only fetches the module.
_LOADER = """
export default async function (component) {
  const address = new URL(".%s/%s/main.js", document.baseURI);
  return (await import(address.href)).default(component);
}
"""


def mount(name: str, key: str, data: Mapping[str, Any]) -> None:
    """Shows the component in folder `components/NAME`; `data` reaches its `main.js`."""
    _renderer(name)(key=key, data=dict(data))


_STYLES = {"rating": ("editor", "rating")}  # a component's folders with a style.css; else its own alone


@cache
def _renderer(name: str) -> ComponentRenderer:
    html = (ASSETS / name / "view.html").read_text(encoding="utf-8")
    folders = _STYLES.get(name, (name,))
    css = "".join((ASSETS / folder / "style.css").read_text(encoding="utf-8") for folder in folders)
    return v2.component(f"coachlm.{name}", html=html, css=css, js=_LOADER % (ASSETS_PATH, name))
