"""Ports of inner processes: free ones, the same again at the next start where nobody took them meanwhile."""

from handrail_cli.embedded.ports import free_port, is_free
from handrail_cli.state.folder import State


class PortBook:
    def __init__(self, state: State, reserved: set[int]) -> None:
        """`reserved`: ports that are promised to others."""
        self._state = state
        self._reserved = reserved
        self._kept = state.ports()
        self._checked: set[str] = set()

    def port(self, name: str) -> int:
        """The port of this process; within one run always the same."""
        if name in self._checked:
            return self._kept[name]
        port = self._kept.get(name)
        others = self._reserved | {kept for other, kept in self._kept.items() if other != name}
        if port is None or port in others or not is_free(port):
            port = free_port(others)
        self._kept[name] = port
        self._checked.add(name)
        self._state.save_ports(self._kept)
        return port
