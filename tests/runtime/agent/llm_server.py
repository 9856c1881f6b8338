"""A real HTTP server that speaks the chat completions API, and misbehaves as told: raw, so that nothing is tidied."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

DIAGNOSIS = {
    "is_stuck": True,
    "confidence": 0.9,
    "reason": "The picture is taken for the button.",
    "target": "#new-project",
}
TEXT = {
    "title": "Your first project",
    "body": "Choose **New project** and you are there.",
    "actions": [{"kind": "dismiss", "label": "Got it", "url": None}],
}


@dataclass
class Request:
    """What was asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def shape(self) -> str:
        return str(self.body["response_format"]["type"])

    @property
    def wants_text(self) -> bool:
        """Whether the coach asks."""
        return '"diagnosis"' in self.body["messages"][-1]["content"] or "hint that a user" in self.text

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def case(self) -> dict[str, Any]:
        """The case in question, behind the examples."""
        cases = [each["content"] for each in self.body["messages"] if each["content"].startswith("<case>")]
        found: dict[str, Any] = json.loads(cases[-1].removeprefix("<case>").removesuffix("</case>"))
        return found


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def http(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def completion(content: str | None, *, finish: str = "stop", refusal: str | None = None, **more: Any) -> bytes:
    found = {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
    return json.dumps(found | more).encode()


def says(content: Any, **more: Any) -> Behaviour:
    """`content`: the model's text, or what is to be its JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    return raw(http(200, completion(text, **more)))


async def well(request: Request, writer: asyncio.StreamWriter) -> None:
    """A good answer to whoever asks."""
    writer.write(http(200, completion(json.dumps(TEXT if request.wants_text else DIAGNOSIS))))


def status(code: int, message: str = "no", **headers: str) -> Behaviour:
    return raw(http(code, json.dumps({"error": {"message": message, "code": None}}).encode(), **headers))


def raw(data: bytes) -> Behaviour:
    async def behave(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return behave


def cut_off(content: Any) -> Behaviour:
    """Ends in the middle of the body."""
    data = http(200, completion(json.dumps(content)))

    async def behave(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data[:-40])
        await writer.drain()
        writer.close()

    return behave


async def reset(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def silent(_request: Request, _writer: asyncio.StreamWriter) -> None:
    """Says nothing."""
    await asyncio.Event().wait()


async def endless(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    chunk = b" " * 4096
    while not writer.transport.is_closing():
        writer.write(b"1000\r\n" + chunk + b"\r\n")
        await writer.drain()


async def drip(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Never stops, and never lets a read time out."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


@dataclass
class LlmServer:
    """Behaves as `script` says, one entry a request, then as `always`."""

    port: int = 0
    script: list[Behaviour] = field(default_factory=list)
    always: Behaviour = well
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.transport.is_closing():
                request = await _read(reader)
                self.requests.append(request)
                await (self.script.pop(0) if self.script else self.always)(request, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split(" ")[1], headers, json.loads(body))


@contextlib.asynccontextmanager
async def llm_server() -> AsyncIterator[LlmServer]:
    found = LlmServer()
    writers: list[asyncio.Task[None]] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(asyncio.create_task(found.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await asyncio.sleep(0)
        for task in writers:
            task.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
