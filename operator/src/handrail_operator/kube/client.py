"""What the operator asks of the API server. Objects are plain JSON, in and out; errors are those of `kube.errors`."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from handrail_contracts import names
from handrail_operator.kube import errors, faults, kinds
from handrail_operator.kube.access import Access
from handrail_operator.kube.kinds import Kind
from handrail_operator.kube.transport import Call, Hooks, Manners, Observe, Transport

Object = dict[str, Any]
Objects = list[Object]

_ONE_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_ALL_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_WATCH_SECONDS = 300
"""After which the API server closes a watch in good order."""
_LISTS_ANEW = 3
_APPLIES = 3


class Cluster:
    """One API server. Calls are tried again where that is safe (see `transport`), within one rate for all of them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        *,
        requests_per_second: float = 100,
        burst: int = 200,
        fault_after: int = 0,
        kubeconfig: Path | None = None,
        tries: int = 5,
        timeout: float = 30,
        agent: str = "handrail-operator",
        observe: Observe | None = None,
        before_write: Callable[[], None] | None = None,
    ) -> AsyncIterator[Self]:
        """`kubeconfig` None: the pod's account. `timeout`: seconds of one try. `agent`: for the
        API server's audit log. Raises AccessMissing; does not call."""
        manners = Manners(requests_per_second, burst, tries, timeout, agent)
        hooks = Hooks(observe, faults.ends_after(fault_after), before_write)
        async with Transport(Access(kubeconfig), manners, hooks) as transport:
            yield cls(transport)

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """None where there is no such object (or no such kind: its definition is missing)."""
        try:
            return await self._transport.call(Call("get", kind, kind.path(namespace, name)))
        except errors.NotFound:
            return None

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: str = "", chunk: int = 500) -> Objects:
        """All of them, of one or of all namespaces. Raises NotFound where the kind is not defined."""
        found, _ = await self.list_at(kind, namespace, labels=labels, chunk=chunk)
        return found

    async def list_at(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        chunk: int = 500,
        metadata_only: bool = False,
    ) -> tuple[Objects, str]:
        """All of them, and the version from which a watch tells what comes after."""
        for left in reversed(range(_LISTS_ANEW)):
            found: Objects = []
            at = ""
            try:
                pages = self.pages(kind, namespace, labels=labels, chunk=chunk, metadata_only=metadata_only)
                async for page, whole in pages:
                    found += page
                    at = whole
                return found, at
            except errors.Gone:
                if not left:
                    raise
        raise AssertionError

    async def pages(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        chunk: int = 500,
        metadata_only: bool = False,
    ) -> AsyncIterator[tuple[Objects, str]]:
        """As `list_at`, so many at a time, each with the version of the whole. Raises Gone when it takes too long."""
        params = {"limit": str(chunk)} | ({"labelSelector": labels} if labels else {})
        accept = _ALL_METADATA if metadata_only else "application/json"
        while True:
            answer = await self._transport.call(Call("list", kind, kind.path(namespace), params, accept=accept))
            metadata = answer.get("metadata") or {}
            # Items of a list do not say what they are.
            items = [{"apiVersion": kind.api_version, "kind": kind.kind} | one for one in answer.get("items") or []]
            yield items, str(metadata.get("resourceVersion", ""))
            if not metadata.get("continue"):
                return
            params["continue"] = metadata["continue"]

    async def now(self, kind: Kind, namespace: str | None = None, *, labels: str = "") -> str:
        """The version from which a watch tells what happens from now on. Raises NotFound, Forbidden, as a list."""
        params = {"limit": "1"} | ({"labelSelector": labels} if labels else {})
        call = Call("list", kind, kind.path(namespace), params, accept=_ALL_METADATA)
        return str((await self._transport.call(call))["metadata"]["resourceVersion"])

    async def create(self, manifest: Object) -> Object:
        """Raises AlreadyExists. A try whose answer was lost is made again, so that AlreadyExists may speak of the
        object just made: whoever must know reads it and compares."""
        kind, namespace, _ = _place(manifest)
        params = {"fieldManager": names.FIELD_MANAGER, "fieldValidation": "Strict"}
        return await self._transport.call(Call("create", kind, kind.path(namespace), params, manifest))

    async def apply(self, manifest: Object, *, manager: str = names.FIELD_MANAGER, force: bool = True) -> Object:
        """Server-side. Makes what is missing; fields that the manager held and no longer names go. With a
        `metadata.uid` only that very object is touched (Conflict). Raises Conflicts without `force`."""
        kind, namespace, name = _place(manifest)
        return await self._apply(kind, kind.path(namespace, name), manifest, manager, force=force)

    async def apply_status(
        self, kind: Kind, name: str, status: Object, *, manager: str = names.FIELD_MANAGER, uid: str | None = None
    ) -> Object:
        """Makes it the whole status, of an object of a cluster-wide kind. Raises NotFound, and Conflict where the
        object now has another uid. (A server-side apply of a status does not heed the uid.)"""
        operations = [{"op": "test", "path": "/metadata/uid", "value": uid}] if uid else []
        return await self._patch(
            kind,
            f"{kind.path(None, name)}/status",
            [*operations, {"op": "add", "path": "/status", "value": status}],
            manager=manager,
            again=True,
        )

    async def json_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
    ) -> Object:
        """Raises Conflict when a `test` does not hold; also after a lost answer, when the first try did the work.
        Without any `test` no lost answer is tried again."""
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        guarded = any(one["op"] == "test" for one in operations)
        return await self._patch(kind, path, operations, manager=names.FIELD_MANAGER, again=guarded)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Asks for the end of an object; its finalizers may take their time. With `uid`, of that very object: one of
        the same name that came later stays. An object that is gone, or going, is done."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._transport.call(Call("delete", kind, kind.path(namespace, name), body=body))
        except errors.NotFound:
            return
        except errors.Conflict:
            if not await self._is_going(kind, namespace, name, uid):
                raise

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        resource_version: str,
        metadata_only: bool = False,
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """ADDED, MODIFIED, DELETED and BOOKMARK after that version, until the API server closes the stream in good
        order (some minutes): watch again from the last version seen. Raises Gone, when a new list is needed, and
        Unreachable, also when nothing is heard for long."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        } | ({"labelSelector": labels} if labels else {})
        accept = _ONE_METADATA if metadata_only else "application/json"
        async with self._transport.stream(Call("watch", kind, kind.path(namespace), params, accept=accept)) as lines:
            async for line in lines:
                event = _event(line)
                if event is None:
                    return
                if event[0] == "ERROR":
                    raise errors.from_answer(int(event[1].get("code") or 500), event[1], secret=kind is kinds.SECRET)
                yield event

    # --- parts -----------------------------------------------------------------------------------------------

    async def _apply(self, kind: Kind, path: str, body: Object, manager: str, *, force: bool) -> Object:
        params = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Strict"}
        call = Call("apply", kind, path, params, body, content_type="application/apply-patch+yaml")
        for left in reversed(range(_APPLIES)):
            try:
                return await self._transport.call(call)
            except errors.Conflicts:
                raise
            except errors.Conflict:
                # Somebody wrote at the same moment; what is wanted does not hang on what stood there.
                if not left or "uid" in body["metadata"]:
                    raise
        raise AssertionError

    async def _patch(
        self, kind: Kind, path: str, operations: Sequence[Mapping[str, Any]], *, manager: str, again: bool
    ) -> Object:
        params = {"fieldManager": manager, "fieldValidation": "Strict"}
        body = [dict(one) for one in operations]
        call = Call("patch", kind, path, params, body, content_type="application/json-patch+json", again=again)
        try:
            return await self._transport.call(call)
        except errors.Invalid as error:
            if error.test_failed and any(one["op"] == "test" for one in operations):
                raise errors.Conflict(error.status, error.reason, f"{path} has changed") from error
            raise

    async def _is_going(self, kind: Kind, namespace: str | None, name: str, uid: str | None) -> bool:
        found = await self.get(kind, namespace, name)
        if found is None or (uid and found["metadata"]["uid"] != uid):
            return True
        return "deletionTimestamp" in found["metadata"]


def _place(manifest: Object) -> tuple[Kind, str | None, str]:
    metadata = manifest["metadata"]
    return kinds.of(manifest), metadata.get("namespace"), metadata["name"]


def _event(line: bytes) -> tuple[str, Object] | None:
    """None: the stream ended in the middle of a line."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return str(found["type"]), found["object"]
