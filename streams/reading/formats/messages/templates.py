"""Prompts that a chat template or a person wrote out as one text, taken apart into messages.

Source: the chat templates of ChatML, Llama 2 and 3, Mistral, Gemma, Phi, Zephyr, GLM, DeepSeek, Command R, Granite and
gpt-oss; Alpaca's and Vicuna's prompts; Anthropic's older text completions; OpenAssistant-Guanaco.
"""

import re
from collections.abc import Iterator

from streams.reading.formats.messages.end_tokens import without_end_tokens
from streams.reading.formats.messages.roles import role_of
from streams.reading.formats.messages.transcripts import Transcript
from streams.reading.sources.records import Message, Role

_BEGIN = re.compile(r"(?:<s>|<bos>|<\|begin_of_text\|>|\[gMASK\]|<sop>|<\|endoftext\|>|<BOS_TOKEN>|\s)*+")
_HEADS = tuple(
    re.compile(head, re.S)
    for head in (
        r"<\|im_start\|>[ ]?(?P<role>[\w.-]{1,40})[^\n<]{0,80}(?:\n|\Z)",
        r"<\|start_header_id\|>\s?(?P<role>\w{1,40})\s?<\|end_header_id\|>\s{0,4}",
        r"<start_of_turn>(?P<role>\w{1,40})(?:\n|\Z)",
        r"<\|start_of_role\|>(?P<role>\w{1,40})[^<]{0,200}<\|end_of_role\|>",
        r"<\|START_OF_TURN_TOKEN\|><\|(?P<role>SYSTEM|USER|CHATBOT)_TOKEN\|>",
        r"<\|start\|>(?P<role>\w{1,40})(?:<\|message\|>|(?=<\|channel\|>)|\Z)",
        r"<\|(?P<role>system|user|assistant|observation|tool|human|bot)\|>\s{0,4}",
        r"<｜(?P<role>User|Assistant)｜>",
    )
)
_END = re.compile(
    r"(?:<\|(?:im_end|eot_id|eom_id|end_of_text|endoftext|end|END_OF_TURN_TOKEN)\|>|<end_of_turn>|</s>"
    r"|<｜end▁of▁sentence｜>)\Z"
)
_ASKS, _ANSWERS = "[INST]", "[/INST]"
_SYS = re.compile(r"\A\s*+<<SYS>>(?P<system>.*?)<</SYS>>", re.S)
_SYSTEM_PROMPT = re.compile(r"\[SYSTEM_PROMPT\](?P<system>.*?)\[/SYSTEM_PROMPT\]", re.S)
_HASHES = re.compile(
    r"###\s?(?P<label>Human|Assistant|User|System|Instruction|Input|Response|Question|Answer)\s?:[ ]?", re.I
)
_ALPACA = "Below is an instruction that describes a task"
_HASH_ROLES = {
    "human": Role.USER,
    "user": Role.USER,
    "question": Role.USER,
    "instruction": Role.USER,
    "assistant": Role.ASSISTANT,
    "response": Role.ASSISTANT,
    "answer": Role.ASSISTANT,
    "system": Role.SYSTEM,
}
_LABELS = re.compile(r"(?:^|\n)[ \t]*(Human|Assistant|System|User|AI|H|A): ?", re.IGNORECASE)
_VICUNA = re.compile(r"(?:^|(?<=[\s>]))(USER|ASSISTANT): ?")
_LABELLED = {
    "human": Role.USER,
    "user": Role.USER,
    "h": Role.USER,
    "assistant": Role.ASSISTANT,
    "a": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "system": Role.SYSTEM,
}


def read_rendered(text: str) -> Transcript | None:
    """A text that begins with a token of a chat template; None, if it does not. The last answer may be a beginning or,
    in a data set, the whole."""
    found = _rendered(text)
    if found is not None:
        found.rendered = True
    return found


def _rendered(text: str) -> Transcript | None:
    start = _BEGIN.match(text)
    begin = start.end() if start else 0
    rest = text[begin:]
    if rest.startswith("[INST]") or _SYSTEM_PROMPT.match(rest):
        return _instructions(rest)
    if rest.startswith("<｜begin▁of▁sentence｜>"):
        return _with_system_in_front(rest.removeprefix("<｜begin▁of▁sentence｜>"))
    if not rest.startswith("<"):
        return None
    head = next((head for head in _HEADS if head.match(rest)), None)
    return None if head is None else _turns(rest, head)


def _turns(text: str, head: re.Pattern[str]) -> Transcript | None:
    cuts = list(head.finditer(text))
    found = Transcript()
    for cut, end in zip(cuts, [c.start() for c in cuts[1:]] + [len(text)], strict=True):
        said = without_end_tokens(text[cut.end() : end], _END).strip()
        role = role_of(cut["role"].lower())
        if role is None:
            found.notes.append("`role` is unknown")
        elif said or role is not Role.ASSISTANT:
            found.add(Message(role, said))
    return _if_asked(found)


def _with_system_in_front(text: str) -> Transcript | None:
    """DeepSeek's prompts: the system prompt stands in front without a mark."""
    first = _HEADS[-1].search(text)
    if first is None:
        return None
    found = _turns(text[first.start() :], _HEADS[-1])
    if found is not None and (system := text[: first.start()].strip()):
        found.messages.insert(0, Message(Role.SYSTEM, system))
    return found


def _instructions(text: str) -> Transcript | None:
    """Llama 2 and Mistral."""
    found = Transcript()
    if system := _SYSTEM_PROMPT.match(text):
        found.add(Message(Role.SYSTEM, system["system"].strip()))
    for asked, answer in _instruction_turns(text):
        if system := _SYS.match(asked):
            found.add(Message(Role.SYSTEM, system["system"].strip()))
            asked = asked[system.end() :]
        found.add(Message(Role.USER, asked.strip()))
        if said := without_end_tokens(answer, _END).strip():
            found.add(Message(Role.ASSISTANT, said))
    return _if_asked(found)


def _instruction_turns(text: str) -> Iterator[tuple[str, str]]:
    """What stands between `[INST]` and `[/INST]`, and what stands between that and the next `[INST]`."""
    start = text.find(_ASKS)
    while start >= 0 and (end := text.find(_ANSWERS, start)) >= 0:
        following = text.find(_ASKS, end)
        answer = text[end + len(_ANSWERS) : following if following >= 0 else len(text)]
        if following >= 0:
            answer = answer.rstrip().removesuffix("<s>")
        yield text[start + len(_ASKS) : end], answer
        start = following


def read_labelled(text: str, *, whole: bool = False, bare: bool = False) -> Transcript | None:
    """A dialogue with labels (`Human: … Assistant:`, `### Instruction: …`); None, if the text is none.

    A prompt must end where the model goes on, or stand in a form that no person writes: else it is a person's text with
    a transcript in it. `whole`: it is a data set's text, the last answer included. `bare`: it is all that a log keeps
    of a request, so that some tool wrote the labels.
    """
    found = _labelled(text, whole, bare)
    if found is not None:
        found.rendered = True
    return found


def _labelled(text: str, whole: bool, bare: bool) -> Transcript | None:
    begun = text.lstrip()
    if begun.startswith("###") or begun.startswith(_ALPACA):
        return _hashes(begun)
    if begun.startswith(("A chat between a curious", "USER:")) and "ASSISTANT:" in begun:
        found = _cut(begun, _VICUNA)
        if found is not None and not begun.startswith("USER:"):
            found.messages.insert(0, Message(Role.SYSTEM, begun[: begun.index("USER:")].strip()))
        return found
    if not begun[:7].lower().startswith(("human:", "system:", "user:", "h:")):
        return None
    found = _cut(text, _LABELS)
    if found is None:
        return None
    roles = {message.role for message in found.messages}
    open_ended = _LABELS.search(text.rstrip()[-12:]) is not None and text.rstrip().endswith(":")
    anthropic = text.startswith("\n\nHuman:")
    langchain = Role.ASSISTANT not in roles and "user:" not in text.lower()
    if whole:
        return found if Role.ASSISTANT in roles else None
    return found if open_ended or anthropic or langchain or bare else None


def _cut(text: str, labels: re.Pattern[str]) -> Transcript | None:
    cuts = list(labels.finditer(text))
    found = Transcript()
    for cut, end in zip(cuts, [c.start() for c in cuts[1:]] + [len(text)], strict=True):
        said = text[cut.end() : end].strip().removesuffix("</s>").strip()
        role = _LABELLED[cut[1].lower()]
        if said or role is not Role.ASSISTANT:
            found.add(Message(role, said))
    return _if_asked(found)


def _hashes(text: str) -> Transcript | None:
    cuts = list(_HASHES.finditer(text))
    found = Transcript()
    for cut, end in zip(cuts, [c.start() for c in cuts[1:]] + [len(text)], strict=True):
        said, label = without_end_tokens(text[cut.end() : end], _END).strip(), cut["label"].lower()
        if label == "input" and found.messages and found.messages[-1].role is Role.USER:
            found.messages[-1] = Message(Role.USER, found.messages[-1].text, said)
        elif label in _HASH_ROLES and (said or _HASH_ROLES[label] is not Role.ASSISTANT):
            found.add(Message(_HASH_ROLES[label], said))
    return _if_asked(found)


def _if_asked(found: Transcript) -> Transcript | None:
    return found if any(message.role is Role.USER for message in found.messages) else None
