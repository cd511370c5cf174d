"""Records that belong together: halves of OpenAI's batches, chunks of a stream."""

import json


def request(number: int) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": f"Name hill number {number}, please."}]}
    record = {"custom_id": f"call-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(record).encode()


def response(number: int) -> bytes:
    message = {"role": "assistant", "content": f"That is hill {number}, called Long Man."}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": f"c{number}", "object": "chat.completion", "choices": choices}
    answer = {"status_code": 200, "body": body}
    return json.dumps({"id": "b", "custom_id": f"call-{number}", "response": answer, "error": None}).encode()


def chunks(number: int) -> list[bytes]:
    """A request that asks for a stream, and the stream's chunks."""
    key = f"stream-{number}"
    question = [{"role": "user", "content": f"Which way is mill number {number}?"}]
    lines = [{"id": key, "request": {"model": "m", "stream": True, "messages": question}}]
    for word, end in (("Down", None), (" the", None), (f" lane {number}.", "stop")):
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": end}
        lines.append({"id": key, "object": "chat.completion.chunk", "choices": [choice]})
    return [json.dumps(line).encode() for line in lines]
