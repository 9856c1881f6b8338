"""What one message on the EVENTS stream holds: one or more batches, their bytes as they were received.

Layout, repeated: length of the meta (4 bytes, big endian), length of the body (4), meta (MessagePack), body (JSON
as the browser sent it). The gateway joins the batches that wait into one message (group commit), so a body is
never encoded again.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec

_LENGTHS = struct.Struct(">II")
FRAME_OVERHEAD = _LENGTHS.size


class BatchMeta(msgspec.Struct, array_like=True):
    """What the gateway knows of a batch. New fields go to the end and need a default."""

    received_at: int
    """Microseconds since 1970."""
    skew: int = 0
    """Microseconds to add to the client's times; see `times.corrected`."""
    verified: bool = False
    """A user token for this user came with it."""
    request_id: str = ""
    traceparent: str = ""
    """W3C trace context of the request that brought it."""


class FramedBatch(msgspec.Struct):
    meta: BatchMeta
    body: bytes


_meta_encoder = msgspec.msgpack.Encoder()
_meta_decoder = msgspec.msgpack.Decoder(BatchMeta)


def frame(meta: BatchMeta, body: bytes) -> bytes:
    """One batch, ready to be joined with others."""
    return frame_head(meta, len(body)) + body


def frame_head(meta: BatchMeta, size: int) -> bytes:
    """What stands before a body of `size` bytes, for who copies bodies only once."""
    head = _meta_encoder.encode(meta)
    return _LENGTHS.pack(len(head), size) + head


def join(frames: Iterable[bytes]) -> bytes:
    """Frames, or heads and bodies in turn, as one message."""
    return b"".join(frames)


def split(message: bytes) -> Iterator[FramedBatch]:
    """The batches in a message, in order. Raises ValueError where the message is cut short or malformed."""
    at = 0
    while at < len(message):
        if at + FRAME_OVERHEAD > len(message):
            raise ValueError("the message ends within a frame")
        head, body = _LENGTHS.unpack_from(message, at)
        start = at + FRAME_OVERHEAD
        at = start + head + body
        if at > len(message):
            raise ValueError("the message ends within a frame")
        try:
            meta = _meta_decoder.decode(message[start : start + head])
        except msgspec.MsgspecError as error:
            raise ValueError(f"a frame's meta is malformed: {error}") from error
        yield FramedBatch(meta, message[start + head : at])
