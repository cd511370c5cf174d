"""Text can be read in light and dark: the contrast of every pair of colours that the pages put together.

Source: WCAG 2.2, 1.4.3 (text 4.5 : 1) and 1.4.11 (borders of controls, focus 3 : 1).
"""

import re
import tomllib
from pathlib import Path

import pytest

from dashboard.server.mounting import ASSETS

_TEXT, _BORDER = 4.5, 3.0
_PAIRS = [
    ("fg", "bg", _TEXT),
    ("fg", "soft", _TEXT),
    ("muted", "bg", _TEXT),
    ("muted", "soft", _TEXT),
    ("on-accent", "accent", _TEXT),
    ("fg", "new", _TEXT),
    ("gone-fg", "gone", _TEXT),
    ("fg", "flag", _TEXT),
    ("error", "bg", _TEXT),
    ("error", "error-bg", _TEXT),
    ("warn-fg", "warn-bg", _TEXT),
    ("info-fg", "info-bg", _TEXT),
    ("accent", "bg", _BORDER),
    ("muted", "bg", _BORDER),
    ("flag-line", "bg", _BORDER),
]


def colours(theme: str) -> dict[str, str]:
    config = tomllib.loads((Path(ASSETS).parent / ".streamlit" / "config.toml").read_text())["theme"][theme]
    css = (ASSETS / "shared" / "style.css").read_text()
    light, dark = re.findall(r"^\.desk(?:\[data-theme=\"dark\"\])? \{(.*?)\}", css, re.MULTILINE | re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", light + (dark if theme == "dark" else "")))
    return {
        **found,
        "bg": config["backgroundColor"],
        "fg": config["textColor"],
        "soft": config["secondaryBackgroundColor"],
        "primary": config["primaryColor"],
        "link": config["linkColor"],
    }


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("back", ["bg", "primary"])
def test_what_is_toned_down_can_still_be_read(theme: str, back: str) -> None:
    """Captions and notes, and the keys on buttons (white on the primary one)."""
    style = (Path(ASSETS).parent / "style.css").read_text()
    if back == "primary":
        (opacity,) = re.findall(r"\.stButton kbd { opacity: (\S+); }", style)
    else:
        opacity = min(re.findall(r"opacity: (\S+);", style))
    found = colours(theme) | {"white": "#ffffff"}
    front, ground = found["white" if back == "primary" else "fg"], found[back]
    assert contrast(_mixed(front, ground, float(opacity)), ground) >= (_TEXT if back == "bg" else _BORDER)


def _mixed(front: str, back: str, opacity: float) -> str:
    pairs = ((int(front[i : i + 2], 16), int(back[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * over + (1 - opacity) * under):02x}" for over, under in pairs)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), [*_PAIRS, ("link", "bg", _TEXT), ("primary", "bg", _BORDER)])
def test_contrast(theme: str, front: str, back: str, least: float) -> None:
    found = colours(theme)
    assert contrast(found[front], found[back]) >= least
