"""Who is a tenant and which keys open its door: all in memory, taken from the tenant records."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import structlog
from pydantic import ValidationError

from handrail_contracts import api_keys
from handrail_contracts.other_versions import read_spec
from handrail_contracts.record import KeyRecord, TenantRecord
from handrail_contracts.snippet_config import SnippetConfig, from_spec
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway.limits import Rates, rates

log = structlog.get_logger()


class Tenant:
    """One tenant as its record says. A changed record is a new Tenant; keep the name, not the object."""

    def __init__(self, record: TenantRecord) -> None:
        self.record = record
        self.name = record.name
        self.keys = {key.key_id: key for key in record.keys}
        self._origins = frozenset(record.origins)
        self.any_origin = record.local and "*" in self._origins

    def allows(self, origin: str | None) -> bool:
        """Whether a page of this origin may use a publishable key. No origin at all is let through."""
        if origin is None or self.any_origin:
            return True
        return origin != "*" and origin != "null" and origin in self._origins

    @cached_property
    def spec(self) -> TenantSpec | None:
        """None where the record holds none that this version can read."""
        try:
            return read_spec(self.record.spec)[0]
        except ValidationError:
            log.warning("the record's spec cannot be read", tenant=self.name)
            return None

    @cached_property
    def rates(self) -> Rates:
        """What limits its callers."""
        return rates(self.record.limits)

    @cached_property
    def identity_enforced(self) -> bool:
        """On unless the spec says otherwise: what cannot be read is not trusted."""
        return self.spec is None or self.spec.identity.enforce

    @cached_property
    def snippet_config(self) -> bytes:
        """What the snippet may do, as JSON."""
        return (SnippetConfig() if self.spec is None else from_spec(self.spec)).model_dump_json().encode()

    @cached_property
    def snippet_etag(self) -> str:
        return f'"{sha256(self.snippet_config).hexdigest()[:32]}"'

    @cached_property
    def etag(self) -> str:
        """The spec's entity tag, quotes included."""
        return '"' + self.record.etag.strip('"') + '"'


@dataclass(frozen=True)
class Caller:
    """A request's key and its tenant."""

    tenant: Tenant
    key: KeyRecord


Listener = Callable[[str, Tenant | None], None]


class Directory:
    """Every tenant by name and by key id. `subscribe` tells of each change: name, and the tenant or None."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self._by_key: dict[str, Tenant] = {}
        self._found: dict[str, Caller] = {}
        self._listeners: list[Listener] = []
        self.complete = False
        """Whether all tenants were read once."""

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def get(self, name: str) -> Tenant | None:
        return self._tenants.get(name)

    def find(self, text: str) -> Caller | None:
        """Whose live key this is, or None."""
        # Live keys only, so it grows no larger than they are many; emptied by every change.
        found = self._found.get(text)
        if found is None:
            found = self._look_up(text)
            if found is not None:
                self._found[text] = found
        return found

    def _look_up(self, text: str) -> Caller | None:
        parsed = api_keys.parse(text)
        if parsed is None:
            return None
        tenant = self._by_key.get(parsed.key_id)
        key = tenant.keys.get(parsed.key_id) if tenant is not None else None
        if tenant is None or key is None or key.kind != parsed.kind:
            return None
        return Caller(tenant, key) if hmac.compare_digest(key.digest, parsed.digest) else None

    def put(self, record: TenantRecord) -> None:
        """A new or changed tenant; nothing happens where the record says the same as before."""
        old = self._tenants.get(record.name)
        if old is not None and old.record == record:
            return
        tenant = Tenant(record)
        self._drop_keys(old)
        self._found.clear()
        self._tenants[record.name] = tenant
        self._by_key.update(dict.fromkeys(tenant.keys, tenant))
        self._tell(record.name, tenant)

    def remove(self, name: str) -> None:
        """A tenant that is gone, with its keys."""
        if (old := self._tenants.pop(name, None)) is not None:
            self._drop_keys(old)
            self._found.clear()
            self._tell(name, None)

    def keep_only(self, names: Iterable[str]) -> None:
        """Removes all tenants but these."""
        for name in self._tenants.keys() - set(names):
            self.remove(name)

    def __len__(self) -> int:
        return len(self._tenants)

    @property
    def key_count(self) -> int:
        """Live keys of all tenants."""
        return len(self._by_key)

    def _drop_keys(self, tenant: Tenant | None) -> None:
        for key_id in tenant.keys if tenant is not None else ():
            if self._by_key.get(key_id) is tenant:
                del self._by_key[key_id]

    def _tell(self, name: str, tenant: Tenant | None) -> None:
        for listener in self._listeners:
            listener(name, tenant)
