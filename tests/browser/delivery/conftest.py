import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.browser.delivery.ledger import Ledger, Walker


@pytest.fixture
def ledger(up: Any) -> Callable[[str], Ledger]:
    """`ledger("acme")`: what this tenant has stored."""
    return lambda tenant: Ledger(str(up.status["gateway"]), str(up.status["tenants"][tenant]["secret_key"]))


@pytest.fixture
def new_walker(browser: Browser) -> Iterator[Callable[..., Walker]]:
    """Somebody with a browser profile of their own, at each call; `script` runs before each page's own. `label`: of
    this walker in what a test tells."""
    contexts = []

    def make(label: str, script: str = "") -> Walker:
        context = browser.new_context()
        contexts.append(context)
        if script:
            context.add_init_script(script)
        return Walker(context.new_page(), f"{label}-{secrets.token_hex(4)}")

    yield make
    for context in contexts:
        context.close()
