"""What is done with an event of a watch: the caches are brought up to date, and the tenants it concerns get a turn."""

from collections.abc import Callable
from typing import Any, Protocol

from handrail_operator.kube.kinds import NAMESPACE, TENANT, Kind
from handrail_operator.watching.cache import Children, Tenants, key_of, version

Object = dict[str, Any]


class Touch(Protocol):
    """Of the queue."""

    def __call__(self, name: str, *, urgent: bool = False, asked: bool = False) -> None: ...


class Told:
    """`spaces` hears of a tenant's namespaces when they may have changed: none for one that is gone."""

    def __init__(
        self, tenants: Tenants, children: Children, touch: Touch, spaces: Callable[[str, set[str]], None]
    ) -> None:
        self.tenants = tenants
        self.children = children
        self._touch = touch
        self._spaces = spaces

    def hear(self, kind: Kind, event: str | None, thing: Object) -> None:
        """`event`: ADDED, MODIFIED, DELETED, or None for what a list named."""
        if kind == TENANT:
            self._tenant(event, thing)
        else:
            self._child(kind, event, thing)

    def missed(self, kind: Kind, key: tuple[str, str, str], uid: str) -> None:
        """An object ended and no watch told so."""
        if kind == TENANT:
            if self.tenants.drop_uid(key[2], uid):
                self._gone(key[2])
        else:
            self._news(kind, self.children.drop_uid(key, uid))

    def _tenant(self, event: str | None, tenant: Object) -> None:
        name = str(tenant["metadata"]["name"])
        if event == "DELETED":
            if self.tenants.drop(tenant):
                self._gone(name)
            return
        known = name in self.tenants
        if self.tenants.put(tenant):
            # What the first list names stood there before this operator: nobody waits for it.
            self._touch(name, urgent=True, asked=known or event is not None)
        if not known:
            self._spaces(name, self.children.spaces(name))

    def _gone(self, name: str) -> None:
        self._spaces(name, set())
        self._touch(name, urgent=True)

    def _child(self, kind: Kind, event: str | None, thing: Object) -> None:
        told = self.children.drop(kind, thing) if event == "DELETED" else self.children.put(kind, thing)
        self._news(kind, told, echo=not self.children.echoes.is_news(key_of(kind, thing), version(thing)))

    def _news(self, kind: Kind, told: list[str], *, echo: bool = False) -> None:
        for name in told:
            # One whose tenant is not known yet is looked at when that comes.
            if name not in self.tenants:
                continue
            if not echo:
                self._touch(name, urgent=True)
            if kind == NAMESPACE:
                self._spaces(name, self.children.spaces(name))
