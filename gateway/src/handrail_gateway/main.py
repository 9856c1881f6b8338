"""The composition root: reads settings, builds the gateway, serves its ports, ends on a signal."""

import argparse
import asyncio
import contextlib
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from handrail_contracts import frames
from handrail_gateway import logs
from handrail_gateway.app import create_admin_app, create_app
from handrail_gateway.gateway import Gateway
from handrail_gateway.http_protocol import HttpProtocol, protocol
from handrail_gateway.intake_protocol import IntakeProtocol
from handrail_gateway.listening import listen
from handrail_gateway.settings import MissingSecret, Settings, describe
from handrail_gateway.wire_protocol import SocketProtocol

log = structlog.get_logger()


_FEW_FILES = 20_000
"""Open files below which the log says so: each browser's socket is one."""


class _Server(uvicorn.Server):
    """Two of these share one process, so neither takes the signals for itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m handrail_gateway",
        description="The public door of Handrail.",
        epilog=describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    try:
        settings = Settings()
        logs.configure(settings.log_format)
        gateway = Gateway(settings)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            print(f"HANDRAIL_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    except MissingSecret as error:
        print(f"the gateway cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serve(gateway))


async def serve(gateway: Gateway) -> int:
    """Serves all ports until a signal comes."""
    settings = gateway.settings
    servers = [public_server(gateway)]
    ports = [settings.port]
    if settings.admin_port is not None:
        http = _protocol(HttpProtocol, gateway)
        servers.append(_Server(_config(create_admin_app(gateway), gateway, settings.admin_port, http, lifespan="off")))
        ports.append(settings.admin_port)
    listeners: list[list[socket.socket]] = []
    for port in ports:
        try:
            listeners.append(listen(settings.host, port))
        except OSError as error:
            print(f"the gateway cannot listen on {settings.host} port {port}: {error.strerror}", file=sys.stderr)  # noqa: T201
            return 1
    _steady()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, servers)
    log.info("gateway starts", host=settings.host, ports=[one[0].getsockname()[1] for one in listeners])
    # Bound above: uvicorn would leave the process on its own when a port is taken.
    await asyncio.gather(*(server.serve(one) for server, one in zip(servers, listeners, strict=True)))
    log.info("gateway has ended")
    return 0


def public_server(gateway: Gateway) -> uvicorn.Server:
    """The server of the public door, not yet started."""
    settings = gateway.settings
    with_admin = settings.local and settings.admin_port is None
    app = create_app(gateway, with_admin=with_admin)
    http = _protocol(IntakeProtocol, gateway, gateway=gateway)
    return _Server(_config(app, gateway, settings.port, http, lifespan="on"))


def _protocol(kind: type[HttpProtocol], own: Gateway, **more: object) -> type[HttpProtocol]:
    head, body = own.settings.head_timeout, own.settings.body_timeout
    return protocol(kind, own.connections, head_seconds=head, body_seconds=body, **more)


def _steady() -> None:
    """For a process that lives long and holds many connections."""
    # What is here now stays; the collector need not walk through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        log.warning("few connections can be open at once: raise the limit of open files", open_files=soft)


def _config(app: FastAPI, gateway: Gateway, port: int, http: type[HttpProtocol], *, lifespan: str) -> uvicorn.Config:
    settings = gateway.settings
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        http=http,
        ws=SocketProtocol,
        ws_max_size=frames.MAX_FRAME,
        ws_ping_interval=settings.ping_every,
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
        lifespan="on" if lifespan == "on" else "off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Longer than a browser's own, so that it is the one to close an idle connection.
        timeout_keep_alive=75,
        # Without it an open socket would keep the process for ever.
        timeout_graceful_shutdown=settings.graceful_timeout,
    )


def _end(servers: list[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
