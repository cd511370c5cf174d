"""Reasoning that models write into their answers, taken apart: tags, special tokens and channels of many families.

Source: the chat templates of DeepSeek-R1, Qwen, Kimi, Magistral, Seed-OSS, Sky-T1, Command A, Gemma, MedGemma, gpt-oss
(Harmony), Granite; Open WebUI's and LobeChat's `<details>`.
"""

import re
from dataclasses import dataclass

from coachlm.text.markup import code_blocks, inline_code, overlaps

_MARKS = ("<", "◁", "THINK]", "assistantfinal", "Here is my thought process:")  # found faster than patterns
_NAMES = (
    r"think|thinking|thoughts?|thought_process|reasoning|reasoning_content|reflection|scratchpad"
    r"|(?:inner|internal)_monologue|antthinking|antml:thinking|seed:think|chain[-_]of[-_]thought"
)
_HINT = re.compile(
    r"think|thought|reason|reflection|scratchpad|monologue|unused94|<\|channel|<details type|assistantfinal", re.I
)
_OPEN = re.compile(
    rf"<(?P<tag>{_NAMES})(?:\s[^<>\n]{{0,200}})?>|(?P<moon>◁think▷)|(?P<square>\[THINK\])"
    r"|(?P<sky><\|begin_of_thought\|>)|(?P<command><\|START_THINKING\|>)|(?P<pipe><\|think(?:ing)?\|>)"
    r"|(?P<med><unused94>(?:thought\b)?)|(?P<gemma><\|channel>thought\b)"
    r"""|(?P<details><details type="(?:reasoning|tool_calls|code_interpreter)"[^<>]{0,2000}>)""",
    re.I,
)
_CLOSE = {
    "moon": "◁/think▷",
    "square": "[/THINK]",
    "sky": "<|end_of_thought|>",
    "command": "<|END_THINKING|>",
    "med": "<unused95>",
    "gemma": "<channel|>",
    "details": "</details>",
}
_LONE_CLOSE = re.compile(
    r"</(?P<tag>think|thinking|seed:think)>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>|<\|/think(?:ing)?\|>",
    re.I,
)
_ANYWHERE = frozenset({"think", "thinking", "antthinking", "antml:thinking", "seed:think"})
_MENTIONS = frozenset({"", "and", "or", "to", ",", "…", "...", "/"})
_WRAPPED = re.compile(
    r"\s*(?:<answer>(?P<answer>.*)</answer>|<response>(?P<response>.*)</response>"
    r"|<\|begin_of_solution\|>(?P<sky>.*?)(?:<\|end_of_solution\|>)?"
    r"|<\|START_RESPONSE\|>(?P<command>.*?)(?:<\|END_RESPONSE\|>)?)\s*",
    re.S | re.I,
)
_CHANNEL = re.compile(
    r"<\|channel\|>(?P<name>\w++)(?P<to>[^<]{0,200})(?:<\|constrain\|>\w++)?<\|message\|>"
    r"(?P<text>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.S,
)
_FINAL = "assistantfinal"  # where a program dropped the special tokens of the channels
_MOST_BLOCKS = 300
_SUMMARY = re.compile(r"\A<summary>[^<]{0,200}</summary>\s*|^> ?(?=.)", re.M)
_GRANITE = re.compile(r"\AHere is my thought process:(?P<thought>.*?)\nHere is my response:(?P<answer>.*)\Z", re.S)


@dataclass(frozen=True, slots=True)
class Parted:
    """An answer without the reasoning that stood in it. `broken_off`: the text ended while the model still thought."""

    answer: str
    reasoning: str = ""
    broken_off: bool = False


def part_reasoning(text: str, asked: str = "") -> Parted:
    """Where the user's text `asked` speaks of the tag, it is the matter itself and stays unless it opens the answer;
    what stands in code stays."""
    if not any(mark in text for mark in _MARKS) or not _HINT.search(text):
        return Parted(text)
    if parted := _channels(text) or _spoken_headings(text):
        return parted
    thoughts: list[str] = []
    rest, broken_off = _without_opening_blocks(text, thoughts)
    if not broken_off:
        rest, broken_off = _without_inner_blocks(rest, asked, thoughts)
    if not broken_off:
        rest = _after_lone_close(rest, asked, thoughts)
    if not thoughts and rest == text:
        return Parted(text)
    wrapped = _WRAPPED.fullmatch(rest)
    if wrapped and "<answer>" not in asked:
        rest = next((group for group in wrapped.groups() if group is not None), "").strip()
    thoughts = [_SUMMARY.sub("", thought) for thought in thoughts if thought]
    return Parted(rest, "\n\n".join(thoughts), broken_off)


def _channels(text: str) -> Parted | None:
    """gpt-oss: only the channel `final` is the answer."""
    found = list(_CHANNEL.finditer(text))
    if not found:
        return None
    said = [match["text"].strip() for match in found if match["name"] == "final"]
    thought = [match["text"].strip() for match in found if match["name"] != "final" and "to=" not in match["to"]]
    called = any("to=" in match["to"] for match in found)
    return Parted("\n\n".join(said), "\n\n".join(thought), broken_off=not said and not called)


def _spoken_headings(text: str) -> Parted | None:
    if text.startswith("analysis") and (final := text.rfind(_FINAL)) > 0:
        return Parted(text[final + len(_FINAL) :].strip(), text[len("analysis") : final].strip())
    match = _GRANITE.match(text)
    return Parted(match["answer"].strip(), match["thought"].strip()) if match else None


def _closing(opened: re.Match[str], text: str) -> tuple[int, int] | None:
    """Where the block that is opened is closed."""
    kind = opened.lastgroup or ""
    if kind == "tag":
        close = re.compile(rf"</{re.escape(opened['tag'])}>", re.I).search(text, opened.end())
        return close.span() if close else None
    if kind == "pipe":
        close = re.compile(r"<\|/think(?:ing)?\|>|</think(?:ing)?>", re.I).search(text, opened.end())
        return close.span() if close else None
    mark = _CLOSE[kind]
    start = text.find(mark, opened.end())
    return None if start < 0 else (start, start + len(mark))


def _without_opening_blocks(text: str, thoughts: list[str]) -> tuple[str, bool]:
    for _ in range(_MOST_BLOCKS):
        stripped = text.lstrip()
        opened = _OPEN.match(stripped)
        if not opened:
            return text, False
        closed = _closing(opened, stripped)
        if closed is None:
            thoughts.append(stripped[opened.end() :].strip())
            return "", True
        thoughts.append(stripped[opened.end() : closed[0]].strip())
        text = stripped[closed[1] :].lstrip()
    return text, False


def _without_inner_blocks(text: str, asked: str, thoughts: list[str]) -> tuple[str, bool]:
    position, code = 0, _code(text)
    for _ in range(_MOST_BLOCKS):
        opened = _OPEN.search(text, position)
        if opened is None:
            break
        position = opened.end()
        if not _is_block(opened, text, asked, code):
            continue
        closed = _closing(opened, text)
        if closed is None:
            if not text[opened.end() :].startswith("\n"):
                continue
            thoughts.append(text[opened.end() :].strip())
            return text[: opened.start()].rstrip(), True
        thought = text[opened.end() : closed[0]].strip()
        if thought.lower() in _MENTIONS and opened.lastgroup == "tag":
            continue
        thoughts.append(thought)
        text, position = _joined(text[: opened.start()], text[closed[1] :])
        code = _code(text)
    return text, False


def _is_block(opened: re.Match[str], text: str, asked: str, code: list[tuple[int, int]]) -> bool:
    if overlaps(code, opened.start(), opened.end()) or _speaks_of(opened, asked):
        return False
    if opened.lastgroup != "tag" or opened["tag"].lower() in _ANYWHERE:
        return True
    return text[: opened.start()].rstrip(" \t").endswith("\n")


def _speaks_of(mark: re.Match[str], asked: str) -> bool:
    """Whether the user's text holds the mark, opening or closing."""
    named = mark.groupdict().get("tag")
    asked = asked.lower()
    if not named:
        return mark[0].lower() in asked
    return f"<{named.lower()}>" in asked or f"</{named.lower()}>" in asked


def _code(text: str) -> list[tuple[int, int]]:
    return sorted([*inline_code(text), *((block.start, block.end) for block in code_blocks(text))])


def _joined(before: str, after: str) -> tuple[str, int]:
    """Both sides of a block that is gone, and where the second begins: on lines of their own, or as they stood."""
    if (before[-1:].isspace() and after[:1].isspace()) or "\n" in (before[-1:], after[:1]):
        before, after = before.rstrip(), after.lstrip()
        gap = "\n\n" if before and after else ""
        return f"{before}{gap}{after}", len(before) + len(gap)
    return before + after, len(before)


def _after_lone_close(text: str, asked: str, thoughts: list[str]) -> str:
    """What follows a closing mark whose opening one stood in the prompt."""
    code = _code(text)
    last: re.Match[str] | None = None
    for close in _LONE_CLOSE.finditer(text):
        before, after = text[: close.start()], text[close.end() :]
        quoted = before[-1:] in " \t`\"'“‘(" and before[-1:] != "" and after[:1] not in ("\n", "")
        quoted = quoted and before.rstrip()[-1:] not in (".", "!", "?")
        if not quoted and not overlaps(code, *close.span()) and not _speaks_of(close, asked):
            last = close
    if last is None:
        return text
    thoughts.append(text[: last.start()].strip())
    return text[last.end() :].lstrip()
