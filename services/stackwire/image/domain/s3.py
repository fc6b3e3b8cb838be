"""Where an S3 store is, and in which parts objects are uploaded: glance_store's settings, and their consequences."""

import re

from pydantic import BaseModel, ConfigDict, Field

from stackwire.object_store.place import MIB, S3Place, UrlFormat, endpoint_of, is_bucket_name, region_of

MAX_PARTS = 10_000
REQUIRED_OPTIONS = ("s3_store_host", "s3_store_access_key", "s3_store_secret_key", "s3_store_bucket")

_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_OWN_OBJECT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{16}")


class S3Options(BaseModel):
    """Under glance_store's names and with its defaults; sizes in MiB.

    ``s3_store_host``: with http:// or https://, http by default. ``s3_store_large_object_size``: from which size on an
    object goes in parts of ``s3_store_large_object_chunk_size``. ``s3_store_thread_pools``: the calls made at once, and
    the parts held in memory beside the one that each upload fills. Source: ``glance_store/_drivers/s3.py``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    s3_store_host: str = ""
    s3_store_region_name: str = ""
    s3_store_access_key: str = Field(default="", repr=False)
    s3_store_secret_key: str = Field(default="", repr=False)
    s3_store_bucket: str = ""
    s3_store_create_bucket_on_put: bool = False
    s3_store_bucket_url_format: UrlFormat = "auto"
    s3_store_large_object_size: int = Field(default=100, ge=1, le=5 * 1024)
    s3_store_large_object_chunk_size: int = Field(default=10, ge=5, le=5 * 1024)
    s3_store_thread_pools: int = Field(default=10, ge=1, le=200)
    s3_store_cacert: str = ""


def place(store: str, options: S3Options) -> S3Place:
    """The place that the options name. ValueError names the store and the setting that is missing or invalid."""
    missing = [name for name in REQUIRED_OPTIONS if not getattr(options, name)]
    if missing:
        raise ValueError(f"the store '{store}' is of type s3 and lacks {', '.join(missing)}")
    endpoint = endpoint_of(options.s3_store_host)
    if endpoint is None:
        raise ValueError(f"s3_store_host of the store '{store}' is not a host, or an http or https URL of one")
    bucket, style = options.s3_store_bucket, options.s3_store_bucket_url_format
    if not is_bucket_name(bucket):
        raise ValueError(f"s3_store_bucket of the store '{store}' is not the name of a bucket")
    if style == "virtual" and not _HOST_NAME.fullmatch(bucket):
        raise ValueError(f"s3_store_bucket of the store '{store}' is not part of a host name, as 'virtual' needs it")
    return S3Place(
        endpoint=endpoint,
        region=options.s3_store_region_name or region_of(endpoint),
        bucket=bucket,
        access_key=options.s3_store_access_key,
        secret_key=options.s3_store_secret_key,
        create_bucket=options.s3_store_create_bucket_on_put,
        url_format=style,
        large=options.s3_store_large_object_size * MIB,
        chunk=options.s3_store_large_object_chunk_size * MIB,
        at_once=options.s3_store_thread_pools,
        cacert=options.s3_store_cacert,
    )


def uri(there: S3Place, key: str) -> str:
    """An object's URI in a location. Glance's contain the credentials; these do not."""
    secure = there.endpoint.startswith("https://")
    return f"{'s3+https' if secure else 's3'}://{there.endpoint.partition('://')[2]}/{there.bucket}/{key}"


def key_at(there: S3Place, url: str) -> str | None:
    """The key of an object in this bucket that a URI names; None for any other, and for one with credentials in it."""
    scheme, _, rest = url.partition("://")
    endpoint, _, host = there.endpoint.partition("://")
    key = rest.removeprefix(f"{host}/{there.bucket}/")
    if scheme not in ("s3", f"s3+{endpoint}") or key == rest or not key or any(char in key for char in "/?#@"):
        return None
    return key


def is_own_object(key: str) -> bool:
    """Whether an object has a name of this service: others in the bucket are not removed."""
    return _OWN_OBJECT.fullmatch(key) is not None


def part_size(announced: int | None, chunk: int) -> int:
    """Bytes of a part, such that the object fits into the maximal number of parts."""
    return max(chunk, -(-(announced or 0) // MAX_PARTS))
