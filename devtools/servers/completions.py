"""A process that answers like a busy OpenAI-compatible server: so many requests at once, so long each.

Run as `python -m devtools.servers.completions PORT AT_ONCE SECONDS`.
"""

import asyncio
import json
import sys

_ANSWER = {
    "choices": [{"index": 0, "text": "Instruction: Name a river.\nResponse: The Rhine.", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 120, "completion_tokens": 150},
}


async def serve(port: int, at_once: int, seconds: float) -> None:
    places = asyncio.Semaphore(at_once)
    content = json.dumps(_ANSWER).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(request))
                async with places:
                    await asyncio.sleep(seconds)
                writer.write(head + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


def _length(request: bytes) -> int:
    for line in request.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
