"""Who is attached to this instance: sockets by user, over all links. Plain values, no I/O."""

from typing import Protocol


class Outlet(Protocol):
    """Where a socket's frames go: its link."""

    def send(self, socket: "Socket", seq: int, text: str, config: str = "") -> None: ...


class Socket:
    """One browser's socket, as realtime knows it."""

    __slots__ = ("config", "greeted", "outlet", "passed", "sent", "sid", "user_id")

    def __init__(self, outlet: Outlet, sid: int, user_id: str, *, passed: int = 0, config: str = "") -> None:
        self.outlet = outlet
        self.sid = sid
        self.user_id = user_id
        self.passed = passed
        """What an earlier realtime had relayed: nudges up to this seq are not sent again unasked."""
        self.sent: set[int] = set()
        """Pending nudges that were sent on this socket. A set and no mark, so that order of commit cannot hide one."""
        self.config = config
        """Digest of the config the browser has; empty where unknown."""
        self.greeted = False

    def lacks(self, seq: int) -> bool:
        return seq > self.passed and seq not in self.sent


class Registry:
    """Sockets by user."""

    def __init__(self) -> None:
        self._by_user: dict[str, list[Socket]] = {}
        self._count = 0

    def add(self, socket: Socket) -> bool:
        """Whether this is the user's first socket."""
        sockets = self._by_user.setdefault(socket.user_id, [])
        sockets.append(socket)
        self._count += 1
        return len(sockets) == 1

    def remove(self, socket: Socket) -> bool:
        """Whether this was the user's last socket."""
        sockets = self._by_user.get(socket.user_id)
        if sockets is None or socket not in sockets:
            return False
        sockets.remove(socket)
        self._count -= 1
        if sockets:
            return False
        del self._by_user[socket.user_id]
        return True

    def of(self, user_id: str) -> list[Socket]:
        return self._by_user.get(user_id, [])

    def users(self) -> list[str]:
        return list(self._by_user)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._by_user

    @property
    def socket_count(self) -> int:
        return self._count

    @property
    def user_count(self) -> int:
        return len(self._by_user)
