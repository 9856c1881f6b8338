"""A webhook's receiver and a mail server, real ones, that behave as they are told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from handrail_cli.embedded.ports import free_port

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Plays its replies in turn, then answers 200 for ever."""

    port: int = 0
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/secret-path"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(head[0], headers, body))
            await (self.replies.pop(0) if self.replies else says(200))(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def says(status: int, body: bytes = b"ok", **headers: str) -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return reply


async def breaks_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 1000\r\n\r\nhalf")
    await writer.drain()


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


def drips(seconds: float) -> Reply:
    """An answer whose end stays away."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\n")
        for _ in range(int(seconds * 10)):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    return reply


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


@dataclass
class Mailbox:
    """What a mail server has taken, and what it says first to DATA."""

    port: int = 0
    replies: list[str] = field(default_factory=list)
    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    """What was said to log in."""

    async def auth_PLAIN(self, _: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        self.logins.append(" ".join(args).encode())
        return AuthResult(success=True)

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.replies:
            return self.replies.pop(0)
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 taken"


@contextlib.asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    made = Mailbox(port=free_port(set()))
    # A server that takes passwords in clear.
    controller = Controller(made, hostname="127.0.0.1", port=made.port, auth_require_tls=False)
    await asyncio.to_thread(controller.start)
    try:
        yield made
    finally:
        await asyncio.to_thread(controller.stop)
