"""What each account and each user may do, as claims for its JWT. Pure: values in, claims out."""

from typing import Any

from handrail_contracts import names, subjects
from handrail_operator.plans import Plan

_PUT_IN = [subjects.EVENTS_ALL]
_ROOM = 16 * 1024 * 1024
"""Bytes of an account beyond its streams, for the config bucket."""


def operator(system_account: str) -> dict[str, Any]:
    return {"type": "operator", "version": 2, "system_account": system_account}


def _limits(**more: int) -> dict[str, Any]:
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    return {**unlimited, "wildcards": True, **more}


def _account(limits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "account", "version": 2, "limits": limits, "default_permissions": {"pub": {}, "sub": {}}, **more}


def system_account() -> dict[str, Any]:
    return _account(_limits())


def platform_account() -> dict[str, Any]:
    return _account(_limits(disk_storage=-1, mem_storage=-1, streams=-1, consumer=-1))


def tenant_account(plan: Plan, revoked_until: int = 0) -> dict[str, Any]:
    """`revoked_until`: users issued then or before (seconds since 1970) are cut off; 0: none is."""
    disk = plan.events_bytes + plan.signals_bytes + _ROOM
    limits = _limits(conn=plan.nats_connections, disk_storage=disk, mem_storage=_ROOM, streams=8, consumer=200)
    return _account(limits, **({"revocations": {"*": revoked_until}} if revoked_until else {}))


def _user(name: str, publish: list[str], subscribe: tuple[str, ...] = ()) -> dict[str, Any]:
    # Programs of the version before have their answers sent to the shared place; those of this one to their own.
    inboxes = [f"{subjects.inbox(name)}.>", f"{subjects.SHARED_INBOX}.>"]
    return {
        "type": "user",
        "version": 2,
        "pub": {"allow": publish},
        "sub": {"allow": [*inboxes, *subscribe]},
        "subs": -1,
        "data": -1,
        "payload": -1,
    }


def administrator() -> dict[str, Any]:
    """May do everything within its account; made for provisioning and short-lived."""
    return {"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}


def _read_bucket(bucket: str) -> list[str]:
    """Get and watch, no put. A watch makes a consumer of its own."""
    stream = f"KV_{bucket}"
    return [
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.*",
        f"$JS.API.CONSUMER.DELETE.{stream}.*",
        f"$JS.FC.{stream}.>",
    ]


def _consume(stream: str, consumer: str) -> list[str]:
    return [
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    ]


def gateway() -> dict[str, Any]:
    """Platform account: watch the tenants, note the keys' use, wake tenants, ask the operator."""
    publish = [
        *_read_bucket(names.TENANTS_BUCKET),
        *_read_bucket(names.KEY_USE_BUCKET),
        f"$KV.{names.KEY_USE_BUCKET}.>",
        subjects.WAKE_ALL,
        subjects.OPERATOR_ALL,
    ]
    return _user("gateway", publish)


def publisher() -> dict[str, Any]:
    """Tenant account, held by the gateway: put events in, nothing else."""
    return _user("publisher", _PUT_IN)


def prober() -> dict[str, Any]:
    """Tenant account, short-lived: puts in as the gateway does, for what that may not do, an event cannot either; and
    sees whether it was taken."""
    stream = names.EVENTS_STREAM
    return _user("probe", [*_PUT_IN, f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.STREAM.MSG.DELETE.{stream}"])


def role(name: str) -> dict[str, Any]:
    """Tenant account, one of the runtime's roles."""
    config = _read_bucket(names.CONFIG_BUCKET)
    match name:
        case "ingest":
            consume = _consume(names.EVENTS_STREAM, names.INGEST_CONSUMER)
            # It may look at what is new on its stream without taking it.
            look = f"$JS.API.DIRECT.GET.{names.EVENTS_STREAM}"
            return _user(name, [*config, *consume, look, subjects.SIGNALS_ALL])
        case "agent":
            consume = _consume(names.SIGNALS_STREAM, names.AGENT_CONSUMER)
            return _user(name, [*config, *consume, subjects.NUDGES_ALL])
        case "realtime":
            # It hears of nudges, and puts dead letters and failed runs back when somebody asks for that.
            return _user(name, [*config, subjects.EVENTS_RETRY, subjects.SIGNALS_RESUME], (subjects.NUDGES_ALL,))
        case _:
            raise ValueError(f"there is no role {name}")
