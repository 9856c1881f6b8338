"""Asks the local operator (`handrail up`) directly, with the platform's own credentials from the state folder."""

import asyncio
from typing import Any

import msgspec
import nats.errors

from handrail_cli.client.options import Failed
from handrail_cli.state.folder import State
from handrail_contracts import operator_calls, subjects
from handrail_operator.provision import nats_claims, nats_connection


def ask(state: State, verb: str, tenant: str, call: msgspec.Struct) -> dict[str, Any]:
    """The operator's answer. Raises Failed."""
    live = state.live()
    if live is None or not state.in_use():
        raise Failed(f"no platform runs on {state.root}. Start it with `handrail up --state {state.root}`.")
    try:
        reply = asyncio.run(_ask(state, live.nats_url, verb, tenant, call))
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise Failed(f"the platform does not answer: {error}. See `handrail status`.") from error
    if reply.problem is not None:
        raise Failed(reply.problem.detail or reply.problem.code)
    return reply.value or {}


async def _ask(state: State, url: str, verb: str, tenant: str, call: msgspec.Struct) -> operator_calls.OperatorReply:
    seed = state.platform_secrets().platform_seed
    async with nats_connection.connected(url, seed, nats_claims.administrator(), "cli") as client:
        answer = await client.request(subjects.operator(verb, tenant), msgspec.json.encode(call), timeout=30)
    return operator_calls.decode_reply(answer.data)
