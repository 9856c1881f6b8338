import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from tests.browser.delivery.ledger import Ground


@pytest.fixture
def ground(up: Any, site: Callable[..., str], browser: Browser, until: Callable[..., Any]) -> Iterator[Ground]:
    contexts: list[BrowserContext] = []

    def context() -> BrowserContext:
        contexts.append(browser.new_context())
        return contexts[-1]

    yield Ground(up, site, until, context, secrets.token_hex(4))
    for one in contexts:
        one.close()
