"""`POST /api/v1/identify`: a user token for a user who may have one; traits and joined ids become an event."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from handrail_contracts import events, intake, names, subjects, times
from handrail_contracts.event_ids import uuid7
from handrail_contracts.events import MAX_TOKEN, PublicId, Text
from handrail_contracts.problems import Problem, ProblemItem
from handrail_gateway import identity
from handrail_gateway.directory import Tenant
from handrail_gateway.door import Door
from handrail_gateway.identity import UserToken, UserTokens
from handrail_gateway.intake import OWN_VERSION, Intake

MAX_BODY = 64 * 1024
_AnonymousId = Annotated[str, Field(pattern=names.ANONYMOUS_PATTERN)]


class IdentifyBody(BaseModel):
    """The body of `POST /api/v1/identify`."""

    model_config = ConfigDict(strict=True, extra="ignore")

    user_id: PublicId
    anonymous_id: _AnonymousId | None = Field(
        None, description="The id of the same user before; the first joining of an anonymous id wins."
    )
    traits: dict[str, Any] = Field(default_factory=dict, description="At most 16 KiB, at most 7 levels.")
    identity_token: Text | None = Field(
        None, max_length=MAX_TOKEN, description="HS256 JWT {sub, exp} by one of the tenant's signing secrets."
    )
    token: Text | None = Field(None, max_length=MAX_TOKEN, description="The user token given before, to renew it.")
    api_key: Text | None = Field(None, max_length=events.MAX_ID, description="Instead of the header X-API-Key.")


class IdentifyAnswer(BaseModel):
    """A token for the socket, for batches of events, and to be renewed here."""

    user_id: str
    token: str
    expires_in: int = Field(description="Seconds.")


class Identify:
    """Gives out user tokens."""

    def __init__(self, door: Door, own: Intake, tokens: UserTokens) -> None:
        self._door = door
        self._intake = own
        self._tokens = tokens

    async def __call__(self, tenant: Tenant, body: IdentifyBody, address: str, request_id: str) -> IdentifyAnswer:
        """`address`: whose request this is, for limits. Raises Problem."""
        now = identity.now()
        before = self._proof(tenant, body, now)
        if identity.needs_proof(body.user_id, enforced=tenant.identity_enforced) and not before.proven:
            raise Problem("identity_required", "A named user needs an identity_token.")
        joined = _joined(body)
        self._door.meet(tenant, body.user_id, address, verified=before.proven or body.token is not None)
        await self._tell(tenant, body, joined if joined != before.anonymous_id else None, before.proven, request_id)
        token = UserToken(
            user_id=body.user_id,
            expires_at=now + identity.TOKEN_SECONDS,
            began_at=before.began_at,
            proven=before.proven,
            anonymous_id=joined or before.anonymous_id,
        )
        return IdentifyAnswer(
            user_id=body.user_id,
            token=self._tokens.sign(tenant.name, token),
            expires_in=identity.TOKEN_SECONDS,
        )

    def _proof(self, tenant: Tenant, body: IdentifyBody, now: float) -> UserToken:
        """What is known of the user by the proof in the body. Raises Problem where one was sent that is no good."""
        if body.identity_token is not None:
            identity.check_identity_token(body.identity_token, body.user_id, tenant.record.identity_secrets, now)
            return UserToken(body.user_id, now, began_at=now, proven=True)
        if body.token is None:
            return UserToken(body.user_id, now, began_at=now, proven=False)
        token = self._tokens.read(tenant.name, body.token)
        if token.user_id != body.user_id:
            raise Problem("identity_invalid", "The token is for another user.")
        if now >= token.expires_at:
            raise Problem("token_expired", "The token has expired.")
        if now >= token.began_at + identity.RENEWABLE_SECONDS:
            raise Problem("token_expired", "The token can be renewed no more; send an identity_token.")
        return token

    async def _tell(
        self, tenant: Tenant, body: IdentifyBody, joined: str | None, proven: bool, request_id: str
    ) -> None:
        """Publishes traits and a newly joined id as one event. Raises Problem."""
        properties: dict[str, Any] = {}
        if body.traits:
            properties["traits"] = body.traits
        if joined is not None:
            properties["anonymous_id"] = joined
        if not properties:
            return
        received_at = datetime.now(UTC)
        batch = {
            "sdk_version": OWN_VERSION,
            "events": [
                {
                    "event_id": uuid7(received_at, os.urandom(10)),
                    "event_type": "identify",
                    "user_id": body.user_id,
                    # Not a visit: one id for a user, so that identifying makes no sessions without end.
                    "session_id": f"identify-{subjects.user_token(body.user_id)}",
                    "timestamp": received_at.isoformat(),
                    "properties": properties,
                }
            ],
        }
        encoded = msgspec.json.encode(batch)
        try:
            events.decode(encoded)
        except events.Refused as refused:
            errors = [ProblemItem(loc=["traits"], msg=item.msg) for item in refused.errors]
            raise Problem("invalid", errors=errors) from refused
        meta = intake.BatchMeta(received_at=times.micros(received_at), verified=proven, request_id=request_id)
        await self._intake.publish(tenant, intake.frame_head(meta, len(encoded)), encoded)


def _joined(body: IdentifyBody) -> str | None:
    """The anonymous id that this user takes over. Raises Problem."""
    if body.anonymous_id is None or body.anonymous_id == body.user_id:
        return None
    if names.is_anonymous(body.user_id):
        msg = "an anonymous user does not take over another one"
        raise Problem("invalid", errors=[ProblemItem(loc=["anonymous_id"], msg=msg)])
    return body.anonymous_id
