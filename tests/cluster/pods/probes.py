"""Asking a container how it is, at the times its manifest says."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.cluster.pods.api import Object
from tests.cluster.pods.environment import Unsupported

Exec = Callable[[list[str], float], Awaitable[int]]
"""Runs a command in the container, for so many seconds at most; its exit code."""


@dataclass(frozen=True)
class Times:
    """Seconds, and answers in a row."""

    delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> "Times":
        return cls(
            delay=probe.get("initialDelaySeconds", 0),
            period=probe.get("periodSeconds", 10),
            timeout=probe.get("timeoutSeconds", 1),
            successes=probe.get("successThreshold", 1),
            failures=probe.get("failureThreshold", 3),
        )


@dataclass(frozen=True)
class Asked:
    """Where a container is asked."""

    address: str
    ports: dict[str, int]
    run: Exec

    def port(self, given: Any) -> int:
        return self.ports[given] if isinstance(given, str) and not given.isdigit() else int(given)


async def ask(handler: Object, asked: Asked, seconds: float) -> str | None:
    """None where the answer is good, else what was wrong. Raises Unsupported."""
    try:
        async with asyncio.timeout(seconds):
            if http := handler.get("httpGet"):
                return await _http(http, asked)
            if tcp := handler.get("tcpSocket"):
                _, writer = await asyncio.open_connection(tcp.get("host") or asked.address, asked.port(tcp["port"]))
                writer.close()
                return None
            if command := handler.get("exec"):
                code = await asked.run(command["command"], seconds)
                return None if code == 0 else f"the command ended with {code}"
            if sleep := handler.get("sleep"):
                await asyncio.sleep(sleep["seconds"])
                return None
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except (OSError, httpx2.HTTPError) as error:
        return f"{type(error).__name__}: {error}"
    raise Unsupported(f"a probe by {', '.join(handler)}")


async def _http(http: Object, asked: Asked) -> str | None:
    address = http.get("host") or asked.address
    scheme = http.get("scheme", "HTTP").lower()
    url = f"{scheme}://{address}:{asked.port(http['port'])}{http.get('path') or '/'}"
    headers = {"User-Agent": "kube-probe/1.34", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in http.get("httpHeaders", [])}
    async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=None) as client:
        answer = await client.get(url, headers=headers)
    return None if 200 <= answer.status_code < 400 else f"HTTP probe failed with statuscode: {answer.status_code}"


async def watch(probe: Object, asked: Asked, told: Callable[[bool, str], None]) -> None:
    """For ever; `told` once the threshold is reached, and at each change after it. A failure says why."""
    times = Times.of(probe)
    await asyncio.sleep(times.delay)
    row, last, said = 0, None, None
    while True:
        began = asyncio.get_running_loop().time()
        fault = await ask(probe, asked, times.timeout)
        good = fault is None
        row = row + 1 if good is last else 1
        last = good
        if row >= (times.successes if good else times.failures) and good is not said:
            said = good
            told(good, fault or "")
        await asyncio.sleep(max(0.0, times.period - (asyncio.get_running_loop().time() - began)))


async def first_success(probe: Object, asked: Asked) -> str | None:
    """A start-up probe: None once it was answered well, else what was wrong at last."""
    done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def told(good: bool, fault: str) -> None:
        if not done.done():
            done.set_result(None if good else fault)

    task = asyncio.create_task(watch(probe, asked, told))
    try:
        return await done
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
