"""An acknowledgement means that the disk has it: seen by strace between a server's write and its answer."""

import asyncio
import contextlib
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from nats.js.api import StreamConfig
from tests.durability import tracing
from tests.durability.tracing import Kept

from handrail_cli.embedded import account
from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.ports import free_ports
from handrail_cli.embedded.servers import Ports, Servers, wait_until
from handrail_cli.supervise.client import KeeperClient
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import open_platform

TURNS = 5


def why_not() -> str | None:
    """Why nothing can be traced here."""
    program = tracing.available()
    if program is None:
        return "strace is not installed (Debian: apt-get install strace)"
    tried = subprocess.run([program, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


_WHY_NOT = why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(_WHY_NOT is not None, reason=str(_WHY_NOT))]


@contextlib.asynccontextmanager
async def under_trace(server: str, *, durable: bool = True) -> AsyncIterator[tuple[Servers, Path]]:
    """One server with its real settings under strace, and the file of the trace, complete after the block."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-trace-"))
    folder.chmod(0o711)
    servers = Servers(folder, Ports(*free_ports(3)), ServerSecrets.new(), PlatformSecrets.new(), durable=durable)
    who = account.account()
    trace = folder / "trace"
    trace.touch()
    if who.uid is not None and server == "postgres":
        shutil.chown(trace, who.uid, who.gid)
    keeper = KeeperClient()
    try:
        with (folder / "server.log").open("wb") as log:
            command = await asyncio.to_thread(servers.prepare()[server])
            keeper.start(tracing.traced(command, trace), log.fileno())
        await wait_until(servers.checks()[server], server)
        yield servers, trace
    finally:
        await asyncio.to_thread(keeper.close)
        shutil.rmtree(folder, ignore_errors=True)


async def publish(servers: Servers) -> list[Kept]:
    """Messages, one after another; what their acknowledgements promise."""
    promises = []
    async with open_platform(servers.access()) as platform:
        js = platform.account.jetstream()
        await js.add_stream(StreamConfig(name="PROOF", subjects=["proof"]))
        for _ in range(TURNS):
            content = f"proof-{secrets.token_hex(12)}"
            ack = await js.publish("proof", content.encode())
            promises.append(
                Kept(content, r"/streams/PROOF/msgs/\d+\.blk$", rf"\"stream\":\"PROOF\",\"seq\":{ack.seq}}}")
            )
    return promises


async def commit(servers: Servers, *, synchronous: str) -> list[Kept]:
    """Transactions, one after another; what their answers promise."""
    promises = []
    connection = await asyncpg.connect(servers.postgres.url)
    try:
        await connection.execute("CREATE TABLE proof (content text)")
        await connection.execute(f"SET synchronous_commit = {synchronous}")
        for _ in range(TURNS):
            content = f"proof-{secrets.token_hex(12)}"
            # One simple query: RETURNING's row goes out together with CommandComplete, after the commit. Written twice,
            # since a page of the WAL may end in the middle of one.
            await connection.execute(f"INSERT INTO proof VALUES ('{content} {content}') RETURNING content")
            promises.append(Kept(content, r"/pg_wal/[0-9A-F]{24}$", content))
    finally:
        await connection.close()
    return promises


async def test_nats_flushes_the_block_before_it_acknowledges():
    async with under_trace("nats") as (servers, trace):
        promises = await publish(servers)
        calls = tracing.read(trace.read_text(errors="replace").splitlines())
    assert [tracing.unkept(calls, one) for one in promises] == [None] * TURNS


async def test_the_check_of_nats_can_fail():
    """With the server's own default for sync_interval."""
    async with under_trace("nats", durable=False) as (servers, trace):
        promises = await publish(servers)
        calls = tracing.read(trace.read_text(errors="replace").splitlines())
    broken = [tracing.unkept(calls, one) for one in promises]
    assert all(reason is not None and "not flushed" in reason for reason in broken), broken


async def test_postgres_flushes_the_wal_before_it_answers_a_commit():
    async with under_trace("postgres") as (servers, trace):
        promises = await commit(servers, synchronous="on")
        calls = tracing.read(trace.read_text(errors="replace").splitlines())
    assert [tracing.unkept(calls, one) for one in promises] == [None] * TURNS


async def test_the_check_of_postgres_can_fail():
    async with under_trace("postgres") as (servers, trace):
        promises = await commit(servers, synchronous="off")
        calls = tracing.read(trace.read_text(errors="replace").splitlines())
    broken = [tracing.unkept(calls, one) for one in promises]
    assert all(reason is not None for reason in broken), broken


def test_a_call_that_another_thread_interrupts_is_read_whole():
    """strace writes such a call in two parts, with a blank between the last argument and the bracket."""
    lines = [
        '7 pwrite64(10</s/streams/PROOF/msgs/1.blk>, "proof-1", 7, 0) = 7',
        "7 fsync(10</s/streams/PROOF/msgs/1.blk> <unfinished ...>",
        "8 close(11</s/msgs>)                       = 0",
        "7 <... fsync resumed>)                     = 0",
        r'7 writev(8<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="{\"stream\":\"PROOF\",\"seq\":1}"}], 1) = 95',
    ]
    promise = Kept("proof-1", r"/streams/PROOF/msgs/\d+\.blk$", r"\"stream\":\"PROOF\",\"seq\":1}")
    assert tracing.unkept(tracing.read(lines), promise) is None
    assert "not flushed" in str(tracing.unkept(tracing.read([lines[0], lines[4]]), promise))
