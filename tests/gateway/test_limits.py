"""Rates and client addresses: pure."""

from ipaddress import ip_network

from handrail_gateway.limits import Limiter, Rate, client_address, limited_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def test_a_burst_and_then_the_rate() -> None:
    limiter, rate = Limiter(), Rate(per_second=2, burst=3)
    assert [limiter.take("a", rate, 100.0) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", rate, 100.0) == 0.5
    assert limiter.take("b", rate, 100.0) == 0
    assert limiter.take("a", rate, 100.5) == 0
    assert limiter.take("a", rate, 100.5) > 0
    assert [limiter.take("a", rate, 200.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_refusals_cost_nothing_and_big_costs_pass_once() -> None:
    limiter, rate = Limiter(), Rate(per_second=10, burst=20)
    assert limiter.take("a", rate, 0.0, cost=500) == 0
    waits = {limiter.take("a", rate, 1.0, cost=500) for _ in range(5)}
    assert waits == {49.0}
    assert limiter.take("a", Rate(0, 5), 0.0) == 60


def test_memory_is_bounded() -> None:
    limiter, rate = Limiter(most=100), Rate(per_second=1, burst=1)
    for number in range(1000):
        limiter.take(number, rate, 0.0)
    assert len(limiter) <= 100


def test_addresses() -> None:
    def seen(peer: str, forwarded: str | None) -> str:
        return client_address(peer, forwarded, TRUSTED)

    assert seen("203.0.113.1", "198.51.100.1") == "203.0.113.1"
    assert seen("10.0.0.1", None) == "10.0.0.1"
    assert seen("10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert seen("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.9.9.9") == "198.51.100.1"
    assert seen("10.0.0.1", "10.0.0.7") == "10.0.0.7"
    assert seen("10.0.0.1", "198.51.100.1, rubbish") == "10.0.0.1"
    assert seen("2001:db8::1", "[2001:4860::8888]") == "2001:4860::8888"
    assert client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"
    assert limited_address("2001:4860:1:2:3:4:5:6") == limited_address("2001:4860:1:2::9")
    assert limited_address("198.51.100.1") == "198.51.100.1"
