"""One user's socket: opens it, opens it again when it breaks, hands over each nudge once, acknowledges all."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from handrail_contracts import frames
from handrail_contracts.nudges import Nudge

_FINAL = frozenset({frames.CLOSE_TOKEN, frames.CLOSE_FORBIDDEN, frames.CLOSE_TOO_MANY, frames.CLOSE_TOO_LARGE})
_LONGEST_PAUSE = 5.0
_ATTEMPTS = 8


class SocketFailed(Exception):
    """The platform closed the socket for good, or it could not be opened. The text is a sentence for people."""


def address(gateway: str, user_id: str) -> str:
    parts = urlsplit(gateway)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ws/{quote(user_id, safe='')}"


async def listen(
    gateway: str,
    user_id: str,
    key: str,
    token: Callable[[], Awaitable[str]],
    opened: asyncio.Event,
    on_nudge: Callable[[Nudge], None],
) -> None:
    """Runs until cancelled. Raises SocketFailed."""
    seen: set[str] = set()
    broken = 0
    while True:
        names = [frames.SUBPROTOCOL, frames.KEY_PROTOCOL + key, frames.TOKEN_PROTOCOL + await token()]
        greeted = asyncio.Event()
        try:
            async with connect(
                address(gateway, user_id),
                subprotocols=[Subprotocol(name) for name in names],
                open_timeout=20,
                close_timeout=2,
                compression=None,
            ) as connection:
                await _read(connection, (opened, greeted), seen, on_nudge)
            failed = "the platform closed it"
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd else 1006
            failed = f"the platform closed it with {code}"
            if code in _FINAL:
                raise SocketFailed(f"A socket failed: {failed}") from error
        except (InvalidHandshake, OSError, TimeoutError) as error:
            failed = f"{type(error).__name__}: {error}"
        broken = 1 if greeted.is_set() else broken + 1
        if broken > _ATTEMPTS:
            raise SocketFailed(f"A socket failed {broken} times: {failed}")
        await asyncio.sleep(min(_LONGEST_PAUSE, 0.2 * 2**broken) * random.uniform(0.5, 1.0))  # noqa: S311 - spreads


async def _read(
    connection: ClientConnection, hello: tuple[asyncio.Event, ...], seen: set[str], on_nudge: Callable[[Nudge], None]
) -> None:
    async for text in connection:
        try:
            frame = frames.SERVER_FRAME.validate_json(text)
        except ValidationError as error:
            raise SocketFailed("The platform sent a frame that is not in the contract") from error
        if isinstance(frame, frames.Hello):
            for event in hello:
                event.set()
        elif isinstance(frame, frames.NudgeFrame):
            if frame.nudge.nudge_id not in seen:
                seen.add(frame.nudge.nudge_id)
                on_nudge(frame.nudge)
            await connection.send(frames.AckFrame(seq=frame.seq).model_dump_json())
        elif isinstance(frame, frames.MessageFrame):
            await connection.send(frames.AckFrame(seq=frame.seq).model_dump_json())
