"""When a probe's result is waited for, and when a look is asked for to tell of it."""

import asyncio

import pytest

from handrail_operator.errors import ServerUnavailable
from handrail_operator.provision import keyring
from handrail_operator.reconcile.data_path import FIRST_RETRY, DataPath

LONG = 60.0
"""Seconds. Nothing here waits so long."""
SHORT = 0.01


class Runtime:
    """Answers a probe once the test says so."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked = asyncio.Event()
        self.broken = False
        self.probed = 0

    async def probe(self, _secrets):
        self.probed += 1
        self.asked.set()
        await self.answers.wait()
        if self.broken:
            raise ServerUnavailable("NATS does not answer")


@pytest.fixture
async def runtime():
    return Runtime()


@pytest.fixture
async def touched():
    return asyncio.Queue()


@pytest.fixture
async def path(runtime, touched):
    made = DataPath(runtime, touched.put_nowait)
    yield made
    made.forget("acme")


SECRETS = keyring.TenantSecrets.new("2026-01-01T00:00:00Z")


async def test_what_comes_within_patience_is_told_by_the_look_that_waits(path, runtime, touched):
    runtime.answers.set()
    assert await path.check("acme", SECRETS, "first", patience=LONG) is None
    assert path.state("acme") is True
    assert touched.empty()


async def test_without_patience_it_is_told_by_a_look_of_its_own(path, runtime, touched):
    assert await path.check("acme", SECRETS, "first") is None
    assert path.state("acme") is None
    runtime.answers.set()
    assert await touched.get() == "acme"
    assert path.state("acme") is True


async def test_what_comes_after_patience_is_told_by_a_look_of_its_own(path, runtime, touched):
    assert await path.check("acme", SECRETS, "first", patience=SHORT) is None
    assert path.state("acme") is None
    runtime.answers.set()
    assert await touched.get() == "acme"
    assert path.state("acme") is True
    # That look has nothing to wait for, and nothing to probe.
    assert await path.check("acme", SECRETS, "first", patience=LONG) is None
    assert (runtime.probed, touched.empty()) == (1, True)


async def test_a_look_that_is_given_up_while_it_waits_leaves_the_probe_to_another(path, runtime, touched):
    look = asyncio.create_task(path.check("acme", SECRETS, "first", patience=LONG))
    await runtime.asked.wait()
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    runtime.answers.set()
    assert await touched.get() == "acme"


async def test_a_failure_within_patience_says_when_it_is_due_again(path, runtime, touched):
    runtime.broken = True
    runtime.answers.set()
    due = await path.check("acme", SECRETS, "first", patience=LONG)
    assert isinstance(path.state("acme"), ServerUnavailable)
    assert 0 < due <= FIRST_RETRY
    assert touched.empty()
    # Not before then.
    assert 0 < await path.check("acme", SECRETS, "first", patience=LONG) <= due
    assert runtime.probed == 1


async def test_a_change_is_probed_anew_and_what_was_heard_stays_until_then(path, runtime, touched):
    runtime.answers.set()
    await path.check("acme", SECRETS, "first", patience=LONG)
    runtime.answers.clear()
    await path.check("acme", SECRETS, "second", patience=SHORT)
    assert path.state("acme") is True
    runtime.broken = True
    runtime.answers.set()
    assert await touched.get() == "acme"
    assert isinstance(path.state("acme"), ServerUnavailable)
    assert runtime.probed == 2
