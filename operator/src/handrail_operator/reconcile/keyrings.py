"""Where a tenant's keyring rests: a Secret of the platform's namespace, which outlives the tenant where data does.

A keyring that was lost locks its owner out of the tenant's data, so none is ever overwritten by a new one.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable

from handrail_contracts import names
from handrail_operator.errors import KeyringMissing, KeyringUnusable
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster, Object
from handrail_operator.kube.errors import AlreadyExists, Conflict
from handrail_operator.provision import keyring
from handrail_operator.provision.keyring import TenantSecrets

_TRIES = 20


class Keyrings:
    """Each method raises KeyringUnusable where the Secret is a stranger's or cannot be read, and kube.errors."""

    def __init__(self, cluster: Cluster, platform_namespace: str) -> None:
        self._cluster = cluster
        self.namespace = platform_namespace

    async def load(self, tenant: str) -> TenantSecrets | None:
        """None where the tenant has none yet."""
        found = await self._get(tenant)
        return None if found is None else self._read(found)

    async def create(self, tenant: str, secrets: TenantSecrets) -> TenantSecrets:
        """The keyring that counts from now on: the one that was there, else `secrets`."""
        try:
            await self._cluster.create(self._manifest(tenant, secrets))
        except AlreadyExists:
            # Somebody else's, or our own whose answer was lost: what stands there counts.
            found = await self.load(tenant)
            if found is None:
                raise
            return found
        return secrets

    async def change(self, tenant: str, change: Callable[[TenantSecrets], TenantSecrets]) -> TenantSecrets:
        """What the keyring holds after the change. `change` may be called several times, also with its own result:
        it must not do its work twice. Raises KeyringMissing."""
        for left in reversed(range(_TRIES)):
            found = await self._get(tenant)
            if found is None:
                raise KeyringMissing(f"{tenant} has no keyring yet: try again once it is provisioned")
            before = self._read(found)
            after = change(before)
            if after == before:
                return after
            try:
                await self._write(found, after)
            except Conflict:
                if not left:
                    raise
            else:
                return after
        raise AssertionError

    async def delete(self, tenant: str) -> None:
        """A keyring that is gone is done."""
        found = await self._get(tenant)
        if found is not None:
            metadata = found["metadata"]
            await self._cluster.delete(kinds.SECRET, self.namespace, metadata["name"], uid=metadata["uid"])

    # --- parts -----------------------------------------------------------------------------------------------

    async def _get(self, tenant: str) -> Object | None:
        name = names.keyring_secret(tenant)
        found = await self._cluster.get(kinds.SECRET, self.namespace, name)
        if found is not None and (found["metadata"].get("labels") or {}).get(names.LABEL_TENANT) != tenant:
            where = f"Secret {name} of namespace {self.namespace}"
            raise KeyringUnusable(
                f"{where} is not the operator's: label it {names.LABEL_TENANT}={tenant}, or remove it"
            )
        return found

    def _read(self, found: Object) -> TenantSecrets:
        try:
            return keyring.decode_tenant(b64decode(found["data"][names.KEYRING_KEY], validate=True))
        except (KeyError, TypeError, ValueError) as error:
            # What it holds is told to nobody, and neither are the decoder's words about it.
            where = f"Secret {found['metadata']['name']} of namespace {self.namespace}"
            raise KeyringUnusable(f"{where} holds no keyring that can be read: put the one before back") from error

    async def _write(self, found: Object, secrets: TenantSecrets) -> None:
        metadata = found["metadata"]
        await self._cluster.json_patch(
            kinds.SECRET,
            self.namespace,
            metadata["name"],
            [
                {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
                {"op": "replace", "path": f"/data/{names.KEYRING_KEY}", "value": _encoded(secrets)},
            ],
        )

    def _manifest(self, tenant: str, secrets: TenantSecrets) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": names.keyring_secret(tenant),
                "namespace": self.namespace,
                "labels": {
                    names.LABEL_TENANT: tenant,
                    names.LABEL_USE: names.USE_PLATFORM,
                    names.LABEL_MANAGED_BY: names.FIELD_MANAGER,
                },
            },
            "type": "Opaque",
            "data": {names.KEYRING_KEY: _encoded(secrets)},
        }


def _encoded(secrets: TenantSecrets) -> str:
    return b64encode(keyring.encode(secrets)).decode()
