"""What can be wrong with a state folder. Each says in one sentence what to do next."""


class StateError(Exception):
    """The state folder cannot be used; the message is for the person at the terminal."""


class NoPlatform(StateError):
    """Nothing was ever started on this folder."""
