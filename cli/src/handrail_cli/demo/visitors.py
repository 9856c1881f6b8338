"""What each visitor did in the demo: in memory, for the latest visitors only."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from handrail_cli.demo.product import Item, Values

MAX_VISITORS = 1000
MAX_ITEMS = 50
COOKIE = "demo-visitor"


@dataclass
class Desk:
    """One visitor's state in one tenant's product."""

    items: list[Item] = field(default_factory=list)
    invited: list[str] = field(default_factory=list)
    settings: Values = field(default_factory=dict)
    unlocked: bool = False
    notice: str = ""
    """Said once, on the next page."""

    def say(self) -> str:
        notice, self.notice = self.notice, ""
        return notice

    def add(self, item: Item) -> None:
        self.items = [item, *self.items][:MAX_ITEMS]


class Visitors:
    """Desks by visitor and tenant."""

    def __init__(self) -> None:
        self._desks: OrderedDict[tuple[str, str], Desk] = OrderedDict()

    def new_id(self) -> str:
        return secrets.token_urlsafe(12)

    def desk(self, visitor: str, tenant: str) -> Desk:
        key = (visitor[:64], tenant)
        desk = self._desks.setdefault(key, Desk())
        self._desks.move_to_end(key)
        while len(self._desks) > MAX_VISITORS:
            self._desks.popitem(last=False)
        return desk
