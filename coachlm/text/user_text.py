"""How instruction and input are written as one user message, and told apart again: the only copy, for chat-shaped
exports and the readers of chat-shaped logs."""

from coachlm.pairs import normalise_text

_GAP = "\n\n"


def join_user_text(instruction: str, input: str) -> str:
    """The user's message: the instruction, an empty line, the input; the bare instruction where there is no input."""
    return f"{instruction}{_GAP}{input}" if input.strip() else instruction


def split_user_text(content: str, input: str) -> tuple[str, str]:
    """(instruction, input) of a user message beside which its input was recorded.

    Undoes `join_user_text` up to outer white space and line ends, that is: the pair keeps its id. A recorded input
    with which the message does not end is no part of it: the whole message is the instruction then.
    """
    content, input = normalise_text(content), normalise_text(input)
    if not input or not content.endswith(input):
        return content, ""
    head = content[: -len(input)]
    # What stood before the input must end in the gap; white space of the texts themselves may lie around it.
    blank = head[len(head.rstrip()) :]
    return (head.rstrip(), input) if not head or _GAP in blank else (content, "")
