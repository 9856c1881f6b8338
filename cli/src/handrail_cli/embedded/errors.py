"""What can keep a server from starting. Each says in one sentence what to do next."""


class StartError(Exception):
    """The platform cannot start here; the message is for the person at the terminal."""


class MissingWheel(StartError):
    """A server's binary is not installed or not made for this machine."""


class Unreachable(StartError):
    """PostgreSQL's own user cannot get to a folder that it needs."""


class NotReady(StartError):
    """A server did not answer in time."""
