"""TLS by the URI's scheme, as the driver has it: vouched for by an authority, by nobody, or not at all."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.graph.bolt.opening import where_of
from hub.graph.driver import Deadlines
from ledger.errors import Unavailable
from tests.bolt_lanes import lane_to, value
from tests.bolt_server import BoltServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that vouches for itself, and its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "graph")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + secret)
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """Give the server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_server_that_an_authority_vouches_for(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with BoltServer(tls=tls) as server, lane_to(server.engine("bolt+s")) as (lane, _):
        assert await lane.read(value("x" * 100_000)) == ["x" * 100_000]


async def test_a_server_that_nobody_vouches_for_is_read_from_only_when_told_so(tls: ssl.SSLContext) -> None:
    async with BoltServer(tls=tls) as server:
        async with lane_to(server.engine("bolt+ssc")) as (lane, _):
            assert await lane.read(value(1)) == [1]
        for scheme in ("bolt+s", "bolt"):
            async with lane_to(server.engine(scheme), deadlines=Deadlines(read_s=0.3)) as (lane, _):
                with pytest.raises(Unavailable):
                    await lane.read(value(1))
        assert server.kinds(0x01) == 1  # the password was told to nobody else


async def test_no_password_goes_to_a_server_without_tls_that_should_have_it() -> None:
    async with BoltServer() as server, lane_to(server.engine("bolt+s"), deadlines=Deadlines(read_s=0.3)) as (lane, _):
        with pytest.raises(Unavailable):
            await lane.read(value(1))
        assert server.heard == []


@pytest.mark.parametrize(
    ("uri", "seed", "routed", "checked"),
    [
        ("bolt://graph", ("graph", 7687), False, None),
        ("bolt+s://graph:1", ("graph", 1), False, True),
        ("neo4j+ssc://[::1]:2", ("::1", 2), True, False),
        ("neo4j://graph:3?policy=eu", ("graph", 3), True, None),
    ],
)
def test_a_uri_says_where_and_how(uri: str, seed: tuple[str, int], *, routed: bool, checked: bool | None) -> None:
    where = where_of(uri)
    assert (where.seed, where.routing is not None) == (seed, routed)
    assert (None if where.tls is None else where.tls.check_hostname) == checked
    if where.tls is not None:
        assert where.tls.minimum_version == ssl.TLSVersion.TLSv1_2
        assert (where.tls.verify_mode == ssl.CERT_REQUIRED) == checked


def test_a_cluster_is_told_how_it_was_found() -> None:
    assert where_of("neo4j://[::1]?policy=eu").routing == {"policy": "eu", "address": "[::1]:7687"}
