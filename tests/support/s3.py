"""An S3 endpoint for the tests: moto's server, a process of its own, and a gate before it where things go wrong."""

import asyncio
import io
import ssl
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import boto3
import pytest
from aiohttp import web
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stackwire.image.backends.s3 import S3Store
from stackwire.image.domain.s3 import S3Options, place

ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("port", server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is, and with whose keys it is asked."""

    url: str
    access: str = ACCESS
    secret: str = SECRET

    @lru_cache  # noqa: B019  # there are two
    def client(self, service: str = "s3") -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service, where the stubs know names
            endpoint_url=self.url,
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def a_bucket(self) -> "ABucket":
        """A new one, which is there."""
        bucket = ABucket(self, f"images-{uuid4().hex}")
        self.client().create_bucket(Bucket=bucket.name)
        return bucket


@dataclass(frozen=True, slots=True)
class ABucket:
    """What an S3 client of somebody else sees of it."""

    endpoint: Endpoint
    name: str

    def options(self, url: str | None = None, **more: Any) -> dict[str, Any]:
        """The settings of a store in it, reached at ``url``. The pieces are as small as S3 takes them."""
        return {
            "s3_store_host": url or self.endpoint.url,
            "s3_store_access_key": self.endpoint.access,
            "s3_store_secret_key": self.endpoint.secret,
            "s3_store_bucket": self.name,
            "s3_store_bucket_url_format": "path",
            "s3_store_large_object_size": 12,
            "s3_store_large_object_chunk_size": 5,
            **more,
        }

    def store(self, folder: Path, url: str | None = None, **more: Any) -> S3Store:
        store = S3Store("far", place("far", S3Options(**self.options(url, **more))), folder)
        store.prepare()
        return store

    def names(self) -> list[str]:
        return [entry["Key"] for entry in self.endpoint.client().list_objects_v2(Bucket=self.name).get("Contents", ())]

    def uploads(self) -> list[str]:
        """The keys of uploads in parts that were neither completed nor aborted."""
        found = self.endpoint.client().list_multipart_uploads(Bucket=self.name)
        return [entry["Key"] for entry in found.get("Uploads", ())]

    @property
    def is_empty(self) -> bool:
        return not self.names() and not self.uploads()


@contextmanager
def a_server() -> Iterator[Endpoint]:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith(b"port "):
                break
        else:
            raise AssertionError("the S3 server did not start")
        yield Endpoint(f"http://127.0.0.1:{int(line.split()[1])}")
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[Endpoint]:
    """It believes every key."""
    with a_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def strict_s3_endpoint() -> Iterator[Endpoint]:
    """It asks who signs, and with what."""
    with a_server() as endpoint:
        iam = endpoint.client("iam")
        iam.create_user(UserName="glance")
        everything = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
        iam.put_user_policy(UserName="glance", PolicyName="all", PolicyDocument=everything)
        key = iam.create_access_key(UserName="glance")["AccessKey"]
        _post(f"{endpoint.url}/moto-api/reset-auth", b"0")
        yield Endpoint(endpoint.url, key["AccessKeyId"], key["SecretAccessKey"])


def _post(url: str, body: bytes) -> None:
    wish = urllib.request.Request(url, data=body, headers={"Content-Type": "application/octet-stream"}, method="POST")
    with urllib.request.urlopen(wish) as answer:
        assert answer.status == 200


@dataclass
class Gate:
    """Stands before a server. Calls have the names of S3's operations.

    ``refused``: status and code that a call is answered with instead; ``lost``: how many answers to a call get lost,
    after it was done; ``cut``: how many objects break off after ``cut_at`` bytes; ``held``: calls that wait before they
    are done, until ``let_go``. ``seen`` are the calls in their order, ``waiting`` those that are held now.
    """

    server: str
    url: str = ""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    cut_at: int = 0
    held: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    waiting: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def let_go(self) -> None:
        self.held.clear()
        async with self.changed:
            self.changed.notify_all()

    async def until_waiting(self, count: int = 1) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: self.waiting >= count)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = _operation(request.method, request.query)
        self.seen.append(call)
        self.hosts.append(request.headers["Host"])
        body = await request.read()
        if call in self.held:
            await self._hold(call)
        if call in self.refused:
            return _refusal(*self.refused[call])
        headers = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, f"{self.server}{request.raw_path}", data=io.BytesIO(body), headers=headers
            ) as answer,
        ):
            given = await answer.read()
            if self.lost[call]:
                self.lost[call] -= 1
                return _break(request)
            return await self._give(request, call, answer, given)

    async def _hold(self, call: str) -> None:
        async with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            await self.changed.wait_for(lambda: call not in self.held)
            self.waiting -= 1

    async def _give(
        self, request: web.Request, call: str, answer: aiohttp.ClientResponse, given: bytes
    ) -> web.StreamResponse:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOPS}
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = int(answer.headers.get("Content-Length", len(given)))
        await response.prepare(request)
        if call == "GetObject" and self.cut and len(given) > self.cut_at:
            self.cut -= 1
            await response.write(given[: self.cut_at])
            _break(request)
        elif request.method != "HEAD":
            await response.write(given)
        return response


_HOPS = frozenset({"transfer-encoding", "connection", "content-length", "server", "date"})


def _operation(method: str, query: Mapping[str, str]) -> str:
    if "partNumber" in query:
        return "UploadPart"
    if "uploadId" in query:
        return {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(method, "ListParts")
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "list-type" in query:
        return "ListObjectsV2"
    return {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}[method]


def _refusal(status: int, code: str) -> web.Response:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no, {ACCESS}, not with {SECRET}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


def _break(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def a_gate(server: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gate]:
    """Serves until the block ends, on a port of its own."""
    gate = Gate(server)
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", gate.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    gate.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield gate
    finally:
        await gate.let_go()
        await runner.cleanup()


@pytest.fixture
def bucket(s3_endpoint: Endpoint) -> ABucket:
    """An empty one."""
    return s3_endpoint.a_bucket()


@pytest.fixture
async def gate(s3_endpoint: Endpoint) -> AsyncIterator[Gate]:
    """A way to the server that can be closed."""
    async with a_gate(s3_endpoint.url) as gate:
        yield gate


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS on this machine, and the certificate that who trusts it has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    told, secret = folder / "certificate.pem", folder / "key.pem"
    told.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(told, secret)
    return context, told
