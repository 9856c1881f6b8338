"""The guard for calls that go out: which addresses it refuses, and that nothing gets round it."""

import asyncio
import datetime as dt
import ssl
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.runtime.escalation.receivers import Receiver, drips, never_ends, receiver, says

from handrail_contracts.outbound_policy import Allowed, refusal
from handrail_runtime.outbound import AnswerTooLarge, Guard, OutboundRefused

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0:10.0.0.1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 2001::1
2001:0:53aa:64c:0:0:0:1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::1 2002:a9fe:a9fe::1 3fff::1 5f00::1
4000::1 fc00::1 fd00:ec2::254 fd12:3456::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1
2607:f8b0::5efe:10.0.0.1 2607:f8b0::200:5efe:127.0.0.1
""".split()  # noqa: SIM905 - a table
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.1.1.1 128.0.0.1 169.253.1.1 169.255.1.1
172.15.255.255 172.32.0.1 192.167.1.1 192.169.1.1 198.17.1.1 198.20.0.1 223.255.255.254
2606:4700:4700::1111 2a00:1450:4001::1 2620:fe::fe 64:ff9b::8.8.8.8 ::ffff:8.8.8.8 2002:808:808::1
""".split()  # noqa: SIM905 - a table


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_nobody_is_called_at(address: str) -> None:
    assert refusal(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet(address: str) -> None:
    assert refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    ("allowed", "host", "port", "address", "holds"),
    [
        ("llm.local", "llm.local", 1, "10.0.0.1", True),
        ("LLM.local.", "llm.LOCAL", 1, "10.0.0.1", True),
        ("llm.local", "llm.local.", 1, "10.0.0.1", True),
        ("llm.local", "x.llm.local", 1, "10.0.0.1", False),
        ("llm.local:8080", "llm.local", 8080, "10.0.0.1", True),
        ("llm.local:8080", "llm.local", 80, "10.0.0.1", False),
        (" a.test , 10.1.0.0/16 ", "b.test", 80, "10.1.2.3", True),
        ("10.1.0.0/16", "b.test", 80, "10.2.2.3", False),
        ("10.1.2.3", "b.test", 80, "10.1.2.3", True),
        ("10.1.2.3:80", "b.test", 80, "10.1.2.3", True),
        ("10.1.2.3:80", "b.test", 81, "10.1.2.3", False),
        ("[::1]:80", "::1", 80, "::1", True),
        ("[::1]:80", "::1", 81, "::1", False),
        ("::1", "x", 81, "::1", True),
        ("fd00::/8", "x", 81, "fd12::1", True),
        ("", "x", 81, "10.0.0.1", False),
    ],
)
def test_the_platforms_list(allowed: str, host: str, port: int, address: str, holds: bool) -> None:
    assert Allowed.parse(allowed).holds(host, port, ip_address(address)) is holds


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/99", "a/b", "http://a.test", "a b", "a.test:0", "a.test:x", "*.test", ":80"]
)
def test_a_list_that_cannot_be_read(entry: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        Allowed.parse(f"good.test,{entry}")


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def test_what_is_not_allowed_is_not_even_connected_to(hook: Receiver) -> None:
    async with Guard.parse("").http_client(timeout=5) as client:
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "0"):
            for scheme in ("http", "https"):
                with pytest.raises(OutboundRefused) as caught:
                    await client.get(f"{scheme}://{host}:{hook.port}/secret-path", headers={"Host": "public.test"})
                assert "secret" not in str(caught.value)
    assert hook.requests == []


async def test_without_encryption_only_hosts_of_the_list_are_called() -> None:
    guard = Guard.parse("")
    with pytest.raises(OutboundRefused, match="https:// is wanted"):
        await guard.addresses("8.8.8.8", 80, encrypted=False)
    assert await guard.addresses("8.8.8.8", 443, encrypted=True) == [ip_address("8.8.8.8")]


async def test_a_name_is_looked_up_once(hook: Receiver) -> None:
    """A second answer could be another one than the one that was judged."""
    asked: list[str] = []
    listening = True

    def hear(event: str, about: tuple[object, ...]) -> None:
        if listening and event == "socket.getaddrinfo" and about[0] in ("localhost", b"localhost"):
            asked.append("localhost")

    sys.addaudithook(hear)
    async with Guard.parse("localhost").http_client(timeout=5) as client:
        assert (await client.get(f"http://localhost:{hook.port}/")).status_code == 200
    listening = False
    assert asked == ["localhost"]


async def test_the_environment_gives_no_proxy(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Guard.parse("127.0.0.1").http_client(timeout=5) as client:
        assert (await client.get(hook.url)).status_code == 200


async def test_a_redirect_that_is_followed_meets_the_guard_again(hook: Receiver) -> None:
    async with receiver() as inner:
        hook.replies = [says(302, Location=inner.url)]
        async with Guard.parse(f"127.0.0.1:{hook.port}").http_client(timeout=5, follow_redirects=True) as client:
            with pytest.raises(OutboundRefused, match="loopback"):
                await client.get(hook.url)
        assert (len(hook.requests), inner.requests) == (1, [])


async def test_an_answers_length_and_time_are_bounded(hook: Receiver) -> None:
    hook.replies = [says(200, b"x" * 1001), says(200, b"x" * 1000), never_ends, drips(30)]
    async with Guard.parse("127.0.0.1").http_client(timeout=1.5, body_limit=1000) as client:
        with pytest.raises(AnswerTooLarge):
            await client.get(hook.url)
        assert len((await client.get(hook.url)).content) == 1000
        with pytest.raises(AnswerTooLarge):
            await client.get(hook.url)
    async with Guard.parse("127.0.0.1").http_client(timeout=1.5) as client:
        # Each byte comes in time; the whole does not.
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(hook.url)


async def test_a_packed_answer_is_not_unpacked(hook: Receiver) -> None:
    hook.replies = [says(200, b"x", Content_Encoding="gzip")]
    async with Guard.parse("127.0.0.1").http_client(timeout=5) as client:
        with pytest.raises(AnswerTooLarge, match="packed"):
            await client.get(hook.url)
    assert hook.requests[0].headers["accept-encoding"] == "identity"


def _certificate(name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for one name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


async def test_the_certificate_is_checked_for_the_name_although_an_address_is_connected_to(tmp_path: Path) -> None:
    certificate, private = _certificate("localhost", tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private)
    asked: list[str | None] = []
    serving.sni_callback = lambda _, name, __: asked.append(name)
    made = Receiver()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0, ssl=serving)
    made.port = server.sockets[0].getsockname()[1]
    guard = Guard(Allowed.parse("127.0.0.0/8,::1"), ssl.create_default_context(cafile=str(certificate)))
    async with guard.http_client(timeout=10) as client:
        answer = await client.get(f"https://localhost:{made.port}/x")
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://127.0.0.1:{made.port}/x")
    server.close()
    assert answer.status_code == 200
    assert asked[0] == "localhost"
    assert [request.headers["host"] for request in made.requests] == [f"localhost:{made.port}"]
