"""The calls on one bucket, through boto3. Nothing here knows what the objects are, or of the event loop."""

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stackwire.object_store.place import S3Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NO_OBJECT = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NoSuchVersion"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorageSpace"})
"""Of Ceph, MinIO and OBS: S3 itself is never full."""


class S3Error(OSError):
    """An error of S3 or of the connection, without secrets. ``code`` is "" where there was no response."""

    def __init__(self, text: str, code: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether the object, or the bucket, does not exist."""
        return self.code in _NO_OBJECT

    @property
    def is_full(self) -> bool:
        """Whether the server has no space left."""
        return self.code in _FULL or self.status == 507


@dataclass(frozen=True, slots=True)
class Got:
    """An object, or a range of it, being received: ``size`` bytes. ``etag`` identifies its version."""

    stream: Any
    size: int
    etag: str


class Bucket:
    """Every method blocks, may be called in any thread, and raises S3Error."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._clients: tuple[S3Client, S3Client] | None = None

    def connect(self) -> None:
        """Nothing is sent yet. Raises ValueError for settings that cannot work."""
        for library in ("boto3", "botocore", "urllib3"):  # at DEBUG they write what requests are signed with
            logging.getLogger(library).setLevel(logging.WARNING)
        place = self._place
        if place.cacert and not Path(place.cacert).is_file():
            raise ValueError(f"there is no file {place.cacert} of certificates")
        trusted: str | bool | None = (place.cacert or None) if place.verify else False
        try:
            session = boto3.session.Session(place.access_key, place.secret_key, region_name=place.region)
            quick, slow = (
                session.client("s3", endpoint_url=place.endpoint, verify=trusted, config=config)
                for config in (self._config(place.read_timeout), self._config(place.write_timeout))
            )
            self._clients = quick, slow
        except (BotoCoreError, ValueError, OSError) as error:
            raise ValueError(f"there can be no S3 client: {place.without_secrets(str(error))}") from None

    def _config(self, read_timeout: float) -> Config:
        """Checksums only where S3 demands them: other servers refuse the newer ones. MD5 goes with the bytes, below."""
        return Config(
            connect_timeout=self._place.connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": self._place.attempts},
            max_pool_connections=self._place.at_once,
            s3={"addressing_style": self._place.url_format},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )

    def close(self) -> None:
        for client in self._clients or ():
            client.close()

    @contextmanager
    def _client(self, *, slow: bool = False) -> "Iterator[S3Client]":
        assert self._clients is not None, "connect comes first"
        with self.translated_errors():
            yield self._clients[slow]

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """The library's errors as S3Error."""
        try:
            yield
        except ClientError as error:
            answer = error.response
            code = str(answer.get("Error", {}).get("Code", ""))
            status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise S3Error(self._place.without_secrets(str(error)), code, status) from None
        except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
            raise S3Error(self._place.without_secrets(f"{type(error).__name__}: {error}")) from None

    def named(self, name: str) -> "Bucket":
        """Another bucket of the same server, through the same connections."""
        other = Bucket(replace(self._place, bucket=name))
        other._clients = self._clients
        return other

    def exists(self) -> bool:
        """Whether the bucket exists."""
        try:
            with self._client() as client:
                client.head_bucket(Bucket=self._place.bucket)
        except S3Error as error:
            if error.is_missing:
                return False
            raise
        return True

    def make(self) -> None:
        """Creates the bucket unless it exists."""
        place, where = self._place, {}
        if place.region != "us-east-1":  # S3 knows no such constraint
            where = {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
        try:
            with self._client() as client:
                client.create_bucket(Bucket=place.bucket, **where)  # type: ignore[arg-type]  # the region is any text
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def put(self, key: str, body: bytes | bytearray | IO[bytes], md5: bytes) -> None:
        """A whole object at once."""
        with self._client(slow=True) as client:
            content: Any = body  # botocore takes a bytearray, too
            client.put_object(
                Bucket=self._place.bucket, Key=key, Body=content, ContentMD5=base64.b64encode(md5).decode()
            )

    def get(self, key: str, first: int, count: int | None, etag: str | None = None) -> Got:
        """From byte ``first`` on; with ``etag`` only if it is that one."""
        conditions: dict[str, Any] = {"IfMatch": etag} if etag is not None else {}
        if first or count:
            conditions["Range"] = f"bytes={first}-{first + count - 1 if count else ''}"
        with self._client() as client:
            answer = client.get_object(Bucket=self._place.bucket, Key=key, **conditions)
            if "Range" in conditions and not answer.get("ContentRange", "").startswith(f"bytes {first}-"):
                answer["Body"].close()
                raise S3Error("another range was sent than the requested one")
            return Got(answer["Body"], answer["ContentLength"], answer["ETag"])

    def size(self, key: str) -> int | None:
        """Of an object; None when there is none."""
        try:
            with self._client() as client:
                return client.head_object(Bucket=self._place.bucket, Key=key)["ContentLength"]
        except S3Error as error:
            if error.is_missing:
                return None
            raise

    def delete(self, key: str) -> None:
        """An object that does not exist is no error."""
        try:
            with self._client() as client:
                client.delete_object(Bucket=self._place.bucket, Key=key)
        except S3Error as error:
            if not error.is_missing:
                raise

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every complete object whose key begins so, page by page."""
        with self._client() as client:
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=self._place.bucket, Prefix=prefix):
                yield from (entry["Key"] for entry in page.get("Contents", ()))

    def uploads(self, prefix: str = "") -> list[tuple[str, str]]:
        """The key and the id of every multipart upload, in progress or abandoned."""
        with self._client() as client:
            pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self._place.bucket, Prefix=prefix)
            return [(entry["Key"], entry["UploadId"]) for page in pages for entry in page.get("Uploads", ())]

    def begin(self, key: str) -> str:
        """Begins a multipart upload; answers its id."""
        with self._client() as client:
            return client.create_multipart_upload(Bucket=self._place.bucket, Key=key)["UploadId"]

    def send(self, key: str, upload: str, number: int, body: bytearray) -> str:
        """The part of that number, from 1 on; its ETag."""
        content: Any = body
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        with self._client(slow=True) as client:
            answer = client.upload_part(
                Bucket=self._place.bucket, Key=key, UploadId=upload, PartNumber=number, Body=content, ContentMD5=md5
            )
            return answer["ETag"]

    def finish(self, key: str, upload: str, etags: Sequence[str], size: int) -> None:
        """Assembles the parts. Repeating it after a lost response is no error: the upload does not exist by then."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        try:
            with self._client(slow=True) as client:
                client.complete_multipart_upload(
                    Bucket=self._place.bucket,
                    Key=key,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]  # parts are built as plain dictionaries
                )
        except S3Error as error:
            if error.code != "NoSuchUpload" or self.size(key) != size:
                raise

    def abort_all(self, key: str) -> None:
        """Every upload of that key: one whose creation got no response was created twice."""
        for name, upload in self.uploads(key):
            if name == key:
                self.abort(name, upload)

    def abort(self, key: str, upload: str) -> None:
        """Removes its parts; an upload that does not exist is no error."""
        try:
            with self._client() as client:
                client.abort_multipart_upload(Bucket=self._place.bucket, Key=key, UploadId=upload)
        except S3Error as error:
            if error.code not in ("NoSuchUpload", "NoSuchBucket"):
                raise
