"""The API server's own book: who wrote what, told apart from reads, and in which span of time.

`ControlPlane(audit=True)` writes it; nothing that a client does or forgets to say keeps a write out of it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_WRITES = {"create", "update", "patch", "delete", "deletecollection"}
_CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kube-apiserver", "kwok")


@dataclass(frozen=True)
class Write:
    """One that the API server carried out."""

    at: datetime
    """When it was answered."""
    verb: str
    """create, update, patch (server-side apply too), delete, deletecollection."""
    kind: str
    """Plural, with the subresource: `pods/status`."""
    namespace: str
    name: str
    user: str
    agent: str
    """The program's own word for itself."""
    manager: str
    """Field manager as it was asked for; empty: none."""

    @property
    def renews_a_lease(self) -> bool:
        return self.kind == "leases"

    @property
    def tells_an_event(self) -> bool:
        return self.kind == "events"

    @property
    def by_a_controller(self) -> bool:
        """Of Kubernetes itself, or of KWOK."""
        return self.agent.startswith(_CONTROLLERS)

    def __str__(self) -> str:
        who = self.manager or self.agent.partition(" ")[0]
        return f"{self.verb} {self.kind} {self.namespace}/{self.name} by {self.user} as {who}"


@dataclass
class Audit:
    """Reads the log again at each question; it goes on growing."""

    folder: Path
    """Of the control plane."""

    def writes(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Callable[[Write], bool] = lambda write: not write.by_a_controller,
    ) -> list[Write]:
        """In order. Nobody's own are left out but the controllers'."""
        found = [write for write in self._all() if by(write) and _within(write.at, since, until)]
        return sorted(found, key=lambda write: write.at)

    def _all(self) -> Iterator[Write]:
        # A log that has grown large is put aside under another name.
        for path in sorted(self.folder.glob("audit*.log")):
            with path.open("rb") as lines:
                for line in lines:
                    if line.endswith(b"\n") and (write := read(line)):
                        yield write


def read(line: bytes) -> Write | None:
    """None: a read, a refusal, a dry run. Pure."""
    entry = json.loads(line)
    meant = entry.get("objectRef", {})
    asked = parse_qs(urlsplit(entry["requestURI"]).query)
    code = entry.get("responseStatus", {}).get("code", 0)
    if entry["verb"] not in _WRITES or not 200 <= code < 300 or "dryRun" in asked:
        return None
    subresource = meant.get("subresource", "")
    if (
        meant.get("resource") in ("tokenreviews", "subjectaccessreviews", "selfsubjectreviews")
        or subresource == "token"
    ):
        return None  # asked by a POST, and nothing is kept
    return Write(
        at=datetime.fromisoformat(entry["stageTimestamp"]).astimezone(UTC),
        verb=entry["verb"],
        kind=meant.get("resource", "") + (f"/{subresource}" if subresource else ""),
        namespace=meant.get("namespace", ""),
        name=meant.get("name", ""),
        user=entry.get("user", {}).get("username", ""),
        agent=entry.get("userAgent", ""),
        manager=asked.get("fieldManager", [""])[0],
    )


def table(writes: Iterable[Write]) -> Counter[tuple[str, str, str]]:
    """How many by user, by field manager (where there is none: the program) and by kind."""
    return Counter((write.user, write.manager or write.agent.partition("/")[0], write.kind) for write in writes)


def changes(writes: Iterable[Write]) -> list[Write]:
    """Without Lease renewals and Kubernetes Events."""
    return [write for write in writes if not write.renews_a_lease and not write.tells_an_event]


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)
