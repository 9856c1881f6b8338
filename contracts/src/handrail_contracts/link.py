"""Relay frames between a gateway and a realtime instance: many sockets over one WebSocket.

A binary message is a MessagePack array of frames. `sid` numbers a socket within its link. After a restart of
realtime the gateway attaches the same sockets again, and the browser sees nothing of it.
"""

import msgspec


class Attach(msgspec.Struct, tag="a", array_like=True):
    """A browser's socket, checked by the gateway."""

    sid: int
    user_id: str
    greeted: bool = False
    """Whether the browser has had its hello: a re-attached socket gets none."""
    last_seq: int = 0
    """The highest `ToBrowser.seq` relayed to this socket so far."""
    config: str = ""
    """The last `ToBrowser.config` that was not empty: a config that changed while no realtime was there is told."""


class FromBrowser(msgspec.Struct, tag="f", array_like=True):
    sid: int
    text: str


class Detach(msgspec.Struct, tag="d", array_like=True):
    sid: int


class ToBrowser(msgspec.Struct, tag="t", array_like=True):
    sid: int
    seq: int
    """What the gateway remembers for `Attach.last_seq`: of a nudge or message its own, of any other frame 0."""
    text: str
    config: str = ""
    """Digest of the snippet's config in this frame, if it carries one; remembered for `Attach.config`."""


class Close(msgspec.Struct, tag="c", array_like=True):
    sid: int
    code: int
    reason: str = ""


ToRealtime = Attach | FromBrowser | Detach
ToGateway = ToBrowser | Close

_encoder = msgspec.msgpack.Encoder()
_realtime_decoder = msgspec.msgpack.Decoder(list[ToRealtime])
_gateway_decoder = msgspec.msgpack.Decoder(list[ToGateway])

PATH = "/link"
MAX_MESSAGE = 4 * 1024 * 1024


def encode(frames: list[ToRealtime] | list[ToGateway]) -> bytes:
    return _encoder.encode(frames)


def decode_for_realtime(data: bytes) -> list[ToRealtime]:
    """Raises msgspec.MsgspecError."""
    return _realtime_decoder.decode(data)


def decode_for_gateway(data: bytes) -> list[ToGateway]:
    """Raises msgspec.MsgspecError."""
    return _gateway_decoder.decode(data)
