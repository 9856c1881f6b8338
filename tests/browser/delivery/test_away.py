"""A page that comes back out of the back/forward cache while another page has sent what it left."""

import pytest
from tests.browser.delivery.ledger import Ground

pytestmark = [pytest.mark.browser, pytest.mark.whole_browser]

ARRIVES_SECONDS = 40
WATCH = "window.returns = []; addEventListener('pageshow', (event) => returns.push(event.persisted))"


def test_there_and_back_again(ground: Ground) -> None:
    walker = ground.walker("returning", WATCH)
    address = ground.site("plain")
    walker.comes(address)
    for _ in range(3):
        walker.acts_on(8)
        walker.comes(f"{address}projects")
        walker.acts_on(3)
        # A page out of the cache does not load.
        walker.page.go_back(wait_until="commit")
        walker.page.wait_for_function("window.returns?.length")
        assert walker.page.evaluate("returns.pop()") is True
        walker.acts_on(4)
    ground.until(lambda: walker.waiting() == 0, ARRIVES_SECONDS, "nothing is left behind")
    ground.until(lambda: ground.books().faults(walker) == [], ARRIVES_SECONDS, "all numbers, once each")
