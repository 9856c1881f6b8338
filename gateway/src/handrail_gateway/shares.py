"""What all tenants have in common is divided among those who use it, so that one's flood leaves others their share."""


class Shares:
    """A total of which nobody may hold more than is still free.

    One tenant alone gets a half of the total, of two that flood each a third, and so on: some is always left for
    whoever comes next, and nothing needs to be known of who will.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._held: dict[str, int] = {}

    def take(self, name: str, amount: int = 1) -> bool:
        """Whether the tenant `name` got `amount` more; it must `give` it back."""
        held = self._held.get(name, 0)
        if held + amount > self.total - self.used - amount:
            return False
        self._held[name] = held + amount
        self.used += amount
        return True

    def give(self, name: str, amount: int = 1) -> None:
        if not amount:
            return
        left = self._held[name] - amount
        self.used -= amount
        if left:
            self._held[name] = left
        else:
            del self._held[name]

    def __len__(self) -> int:
        """How many hold something."""
        return len(self._held)
