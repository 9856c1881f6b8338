"""Where the gateway listens: on what it is told, and on every address only when that is asked for."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from handrail_gateway.listening import ALL, listen
from handrail_gateway.settings import Settings

LOOPBACKS = ["127.0.0.1"] + ["::1"] * socket.has_dualstack_ipv6()


@contextmanager
def listening(host: str) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(one) for one in listen(host, 0)]


def opens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_all_addresses_are_both_families_on_one_port():
    with listening(ALL) as listeners:
        port = listeners[0].getsockname()[1]
        assert [host for host in LOOPBACKS if not opens(host, port)] == []
        assert not any(one.getblocking() for one in listeners)


def test_an_ipv4_address_comes_in_as_one():
    """The networks of trusted proxies are compared with it."""
    with listening(ALL) as listeners:
        with socket.create_connection(("127.0.0.1", listeners[0].getsockname()[1]), timeout=5):
            listeners[0].settimeout(5)
            accepted, peer = listeners[0].accept()
        accepted.close()
        assert peer[0] == "127.0.0.1"


def test_a_port_that_is_taken_in_one_family_is_an_error():
    if "::1" not in LOOPBACKS:
        pytest.skip("this machine has no IPv6")
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as taken,
        pytest.raises(OSError, match="in use"),
    ):
        listen(ALL, taken.getsockname()[1])


@pytest.mark.parametrize("host", LOOPBACKS)
def test_one_address_is_that_alone(host: str):
    with listening(host) as listeners:
        port = listeners[0].getsockname()[1]
        assert [one for one in ["127.0.0.2", *LOOPBACKS] if opens(one, port)] == [host]


def test_who_says_nothing_gets_the_loopback():
    assert Settings.model_fields["host"].default == "127.0.0.1"
