"""OSSN-0096: with amqps:// the broker must be who its certificate says, by a signature we trust and by its name.

A door in front of the broker speaks TLS; what passes it is the broker's own.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stackwire.messaging.errors import BusUnavailable, Undeliverable
from stackwire.messaging.rabbit import RabbitTransport
from stackwire.messaging.transport import Address
from support.rabbitmq import TestRabbit
from support.tls_door import a_tls_door

pytestmark = pytest.mark.rabbitmq
PATIENCE = 0.5


class Authority:
    """Signs certificates; ``file`` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.file = folder / "authority.pem"
        self.file.write_bytes(
            self._signed(self._name, self._key, authority=True).public_bytes(serialization.Encoding.PEM)
        )

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *names: str, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )  # fmt: skip
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        return builder.sign(self._key, hashes.SHA256())

    def for_server(self, name: str) -> ssl.SSLContext:
        """A server's side of TLS, with a certificate for that host name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        path = self._folder / f"{name}.pem"
        pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
        path.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
            + self._signed(subject, key, name).public_bytes(pem)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context


@asynccontextmanager
async def a_door(rabbit: TestRabbit, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The address of the broker behind TLS, as ``localhost``, without options."""
    inside = urlsplit(rabbit.url)

    async with a_tls_door(inside.hostname or "", inside.port or 5672, context) as port:
        login = f"{inside.username}:{inside.password}"
        yield urlunsplit(("amqps", f"{login}@localhost:{port}", inside.path, "", ""))


async def refused(url: str) -> str:
    """Why the transport did not open."""
    with pytest.raises(BusUnavailable) as failed:
        await RabbitTransport.open(url, name="tls", timeout_seconds=PATIENCE)
    said = str(failed.value)
    assert f":{urlsplit(url).password}@" not in said
    return said


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_broker_of_the_right_name_by_a_trusted_signature_is_spoken_to(
    rabbitmq: TestRabbit, authority: Authority
) -> None:
    async with a_door(rabbitmq, authority.for_server("localhost")) as url:
        transport = await RabbitTransport.open(f"{url}?cafile={authority.file}", name="tls", timeout_seconds=PATIENCE)
        with pytest.raises(Undeliverable):  # only a broker that was reached can answer so
            await transport.publish(Address("tls-exchange", "unbound"), b"{}", mandatory=True)
        await transport.close()


async def test_a_broker_of_another_name_is_not(rabbitmq: TestRabbit, authority: Authority) -> None:
    async with a_door(rabbitmq, authority.for_server("broker.example.org")) as url:
        assert "certificate" in (await refused(f"{url}?cafile={authority.file}")).lower()


async def test_a_broker_by_a_signature_nobody_trusts_is_not(
    rabbitmq: TestRabbit, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with a_door(rabbitmq, authority.for_server("localhost")) as url:
        assert "certificate" in (await refused(url)).lower()
        assert "certificate" in (await refused(f"{url}?cafile={Authority(tmp_path / 'other').file}")).lower()
