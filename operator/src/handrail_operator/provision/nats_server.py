"""The configuration of a NATS server that serves this platform, for servers that we start and for those of others."""

import json
from typing import Any

from handrail_operator.provision.platform import Trust

MAX_PAYLOAD = 2 * 1024 * 1024
"""Bytes. Above the largest joined message a gateway makes."""
MAX_STORE = 1 << 40
"""Bytes. The accounts' own limits are what counts; the disk is the last word."""


def trusted(trust: Trust, accounts_folder: str) -> dict[str, Any]:
    """What any server must believe in: the operator, the accounts it must know before any is pushed."""
    return {
        "operator": trust.operator_jwt,
        "system_account": trust.system_account,
        "resolver": {
            "type": "full",
            "dir": accounts_folder,
            "allow_delete": True,
            "interval": "2m",
            "timeout": "2s",
        },
        "resolver_preload": trust.preload,
    }


def whole(trust: Trust, *, folder: str, host: str, port: int, durable: bool = True) -> str:
    """The file of one server by itself. No monitoring port: it would list every account. `durable=False` trades
    safety for speed, for tests alone."""
    config = {
        "server_name": "handrail",
        "host": host,
        "port": port,
        "max_payload": MAX_PAYLOAD,
        "jetstream": {
            "store_dir": f"{folder}/jetstream",
            "max_file_store": MAX_STORE,
            # Each account reserves what it may take, so a small sum would be a bound on tenants.
            "max_memory_store": MAX_STORE,
            "sync_interval": "always" if durable else "2m",
        },
        **trusted(trust, f"{folder}/accounts"),
        "logtime": False,
    }
    return json.dumps(config, indent=2)
