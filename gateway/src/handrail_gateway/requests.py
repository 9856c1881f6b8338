"""What handlers ask of a request: the gateway, the caller, the body."""

from typing import Annotated, Any, TypeVar, cast
from urllib.parse import unquote_to_bytes

import msgspec
from fastapi import Depends, Path, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ValidationError

from handrail_contracts import names
from handrail_contracts.events import problem_items
from handrail_contracts.problems import Problem, ProblemItem
from handrail_contracts.unreadable import unreadable_places
from handrail_gateway import bodies
from handrail_gateway.directory import Caller
from handrail_gateway.door import header, read_body
from handrail_gateway.gateway import Gateway

Model = TypeVar("Model", bound=BaseModel)

_decoder = msgspec.json.Decoder()
key_header = APIKeyHeader(name=names.HEADER_API_KEY, auto_error=False, description="pk_… or sk_…")


def gateway(request: Request) -> Gateway:
    return cast("Gateway", request.app.state.gateway)


def request_id(request: Request) -> str:
    return cast("str", request.scope["handrail.request_id"])


async def secret_caller(request: Request, key: Annotated[str | None, Depends(key_header)]) -> Caller:
    """Who calls with a secret key. Raises Problem."""
    return gateway(request).door.admit(key, request.scope, secret=True)


SecretCaller = Annotated[Caller, Depends(secret_caller)]


def _decode_id(value: str) -> str:
    """Paths are routed as they were sent, so an id may hold an encoded slash; here it is decoded."""
    try:
        found = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Problem("invalid", errors=[ProblemItem(loc=["user_id"], msg="not UTF-8")]) from error
    if found in (".", "..") or "\0" in found or not 1 <= len(found) <= 200:
        raise Problem("invalid", errors=[ProblemItem(loc=["user_id"], msg="1 to 200 characters, not . or ..")])
    return found


async def user_id_in_path(user_id: Annotated[str, Path(description="Percent-encoded.")]) -> str:
    return _decode_id(user_id)


UserIdInPath = Annotated[str, Depends(user_id_in_path)]


async def json_body(request: Request, most: int, media_types: tuple[str, ...]) -> Any:
    """The body's JSON. Raises Problem, or door.Gone."""
    headers = request.scope["headers"]
    bodies.check_media_type(header(headers, b"content-type") or "", media_types)
    return parse_json(await read_body(request.receive, headers, most))


def parse_json(body: bytes) -> Any:
    """Raises Problem for what is no JSON, lone surrogates included."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        errors = unreadable_places(body) or [ProblemItem(loc=[], msg=f"not JSON that can be read: {error}")]
        raise Problem("invalid", errors=errors) from error


def validated(model: type[Model], value: Any) -> Model:
    """`value` as a model. Raises Problem naming each bad place."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("invalid", errors=problem_items(error)) from error


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client's copy is still good."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag in tags
