"""The API server as the node needs it: read, write, follow."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from tests.cluster.control_plane import ControlPlane

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""
PAUSE = 0.5
"""Seconds before a watch that failed is begun again."""


class Refused(Exception):
    """The API server's answer was not good."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


def key(found: Object) -> Key:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


class Api:
    def __init__(self, plane: ControlPlane) -> None:
        context = ssl.create_default_context(cafile=str(plane.certificate))
        self._client = httpx2.AsyncClient(
            base_url=plane.url,
            headers={"Authorization": f"Bearer {plane.token()}"},
            verify=context,
            trust_env=False,
            timeout=httpx2.Timeout(30, pool=None),
            limits=httpx2.Limits(max_connections=200),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: str) -> Object:
        """Raises Refused."""
        return self._read(await self._client.get(path, params=query))

    async def create(self, path: str, body: Object) -> Object:
        """Raises Refused."""
        return self._read(await self._client.post(path, json=body))

    async def patch(self, path: str, body: Object, kind: str = "strategic-merge") -> Object:
        """Raises Refused."""
        headers = {"Content-Type": f"application/{kind}-patch+json"}
        return self._read(await self._client.patch(path, content=json.dumps(body), headers=headers))

    async def delete(self, path: str, body: Object) -> None:
        """What is not there is deleted. Raises Refused."""
        with contextlib.suppress(NotThere):
            self._read(await self._client.request("DELETE", path, json=body))

    def _read(self, answer: httpx2.Response) -> Object:
        if answer.status_code == 404:
            raise NotThere(404, answer.text)
        if answer.is_error:
            raise Refused(answer.status_code, answer.text)
        found: Object = answer.json()
        return found

    async def lines(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Object]:
        async with self._client.stream("GET", path, params=dict(query), timeout=None) as answer:
            if answer.is_error:
                raise Refused(answer.status_code, (await answer.aread()).decode(errors="replace"))
            async for line in answer.aiter_lines():
                yield json.loads(line)


class NotThere(Refused):
    pass


@dataclass
class Store:
    """All objects of a collection as they are now. `changed` is told each key that is new, other or gone."""

    api: Api
    path: str
    changed: Callable[[Key], None]
    query: Mapping[str, str] = field(default_factory=dict)
    fault: Callable[[str], None] = lambda _: None
    """Told of what should not happen to a watch."""
    objects: dict[Key, Object] = field(default_factory=dict)
    listed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """For ever."""
        while True:
            try:
                await self._watch(await self._list())
            except (httpx2.HTTPError, Refused, json.JSONDecodeError):
                pass
            except Exception as error:  # noqa: BLE001 - whatever it is, the node must go on seeing
                self.fault(f"watch of {self.path}: {error!r}")
            await asyncio.sleep(PAUSE)

    async def _list(self) -> str:
        found = await self.api.get(self.path, **self.query)
        fresh = {key(one): one for one in found["items"]}
        gone = self.objects.keys() - fresh.keys()
        other = {name for name, one in fresh.items() if self.objects.get(name) != one}
        self.objects.clear()
        self.objects.update(fresh)
        self.listed.set()
        for name in gone | other:
            self.changed(name)
        version: str = found["metadata"]["resourceVersion"]
        return version

    async def _watch(self, version: str) -> None:
        query = {**self.query, "watch": "true", "resourceVersion": version}
        async for event in self.api.lines(self.path, query):
            if event["type"] == "ERROR":
                return
            name = key(event["object"])
            if event["type"] == "DELETED":
                self.objects.pop(name, None)
            else:
                self.objects[name] = event["object"]
            self.changed(name)
