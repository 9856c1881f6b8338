"""Bodies as they come from browsers: which types and encodings are taken, bounded decompression, the key inside."""

import re
import zlib

import msgspec

from handrail_contracts.problems import Problem, ProblemItem

_GZIP = 31
"""zlib's window bits for a gzip header."""


class _Keyed(msgspec.Struct):
    api_key: str | None = None


_KEY = re.compile(rb'"api_key"\s*:\s*"(\w{1,100})"')
_key_decoder = msgspec.json.Decoder(_Keyed)


def check_media_type(given: str, allowed: tuple[str, ...] = ("application/json", "text/plain")) -> None:
    """`given`: Content-Type, empty where there is none. Raises Problem unsupported_media_type."""
    if given in allowed:
        return
    media_type, _, parameters = given.partition(";")
    if media_type.strip().lower() not in allowed:
        raise Problem("unsupported_media_type", f"Send {' or '.join(allowed)}.")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in ("utf-8", "utf8"):
            raise Problem("unsupported_media_type", "Only UTF-8 is taken.")


def is_gzipped(given: str) -> bool:
    """By Content-Encoding, empty where there is none. Raises Problem for any other encoding."""
    given = given.strip().lower()
    if given not in ("", "identity", "gzip"):
        raise Problem("unsupported_media_type", "Only Content-Encoding: gzip is taken.")
    return given == "gzip"


def gunzip(data: bytes, most: int) -> bytes:
    """The content, at most `most` bytes; never holds more than that. Raises Problem too_large or invalid."""
    out = bytearray()
    while True:
        stream = zlib.decompressobj(_GZIP)
        try:
            out += stream.decompress(data, most + 1 - len(out))
        except zlib.error as error:
            raise _malformed() from error
        if len(out) > most or stream.unconsumed_tail:
            raise Problem("too_large", f"At most {most} bytes are taken, counted after decompression.")
        if not stream.eof:
            raise _malformed()
        if not stream.unused_data:
            return bytes(out)
        # A gzip file may have several members.
        data = stream.unused_data


def key_in(body: bytes) -> str | None:
    """The field `api_key` of a JSON body (beacons cannot set headers), or None."""
    try:
        return _key_decoder.decode(body).api_key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # What is wrong with the rest is told to whoever has a key; without it the answer would be that there is none.
        found = _KEY.search(body)
        return found[1].decode() if found else None


def _malformed() -> Problem:
    return Problem("invalid", errors=[ProblemItem(loc=[], msg="the body is not gzip, or is cut short")])
