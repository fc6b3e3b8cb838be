"""What the settings of an S3 store come to, and which of them cannot be."""

from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.image.domain.s3 import S3Options, is_own_object, key_at, part_size, place, uri
from stackwire.image.settings import ImageSettings
from stackwire.object_store.place import MIB

WHOLE: dict[str, Any] = {
    "s3_store_host": "s3.example.org",
    "s3_store_access_key": "an access key",
    "s3_store_secret_key": "a secret key",
    "s3_store_bucket": "images",
}


def settings(**more: Any) -> ImageSettings:
    return ImageSettings(**{"enabled_backends": "fast:file,far:s3", "default_backend": "fast", **WHOLE, **more})


def test_a_place_has_glance_store_s_defaults() -> None:
    far = settings().s3_place("far")
    assert (far.endpoint, far.region, far.bucket) == ("http://s3.example.org", "us-east-1", "images")
    assert (far.large, far.chunk, far.at_once, far.create_bucket) == (100 * MIB, 10 * MIB, 10, False)


@pytest.mark.parametrize(
    ("host", "endpoint", "region"),
    [
        ("10.0.0.7:9000", "http://10.0.0.7:9000", "us-east-1"),
        ("https://s3.example.org/", "https://s3.example.org", "us-east-1"),
        ("https://s3.eu-west-3.amazonaws.com", "https://s3.eu-west-3.amazonaws.com", "eu-west-3"),
        ("s3-us-west-2.amazonaws.com", "http://s3-us-west-2.amazonaws.com", "us-west-2"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://s3.amazonaws.com", "https://s3.amazonaws.com", "us-east-1"),
    ],
)
def test_the_region_is_taken_from_amazon_s_host_names(host: str, endpoint: str, region: str) -> None:
    far = settings(s3_store_host=host).s3_place("far")
    assert (far.endpoint, far.region) == (endpoint, region)
    assert settings(s3_store_host=host, s3_store_region_name="here").s3_place("far").region == "here"


def test_a_store_may_have_settings_of_its_own() -> None:
    own = {"near": {"s3_store_bucket": "others", "s3_store_thread_pools": 3}}
    both = settings(enabled_backends="near:s3,far:s3", default_backend="far", backend_settings=own)
    assert (both.s3_place("near").bucket, both.s3_place("near").at_once) == ("others", 3)
    assert (both.s3_place("far").bucket, both.s3_place("far").at_once) == ("images", 10)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"s3_store_host": ""}, "lacks s3_store_host"),
        ({"s3_store_access_key": "", "s3_store_bucket": ""}, "lacks s3_store_access_key, s3_store_bucket"),
        ({"s3_store_secret_key": ""}, "lacks s3_store_secret_key"),
        ({"s3_store_host": "ftp://s3.example.org"}, "s3_store_host"),
        ({"s3_store_host": "http://me:secret@s3.example.org"}, "s3_store_host"),
        ({"s3_store_host": "https://s3.example.org/?x=1"}, "s3_store_host"),
        ({"s3_store_host": "s3.example.org:port"}, "s3_store_host"),
        ({"s3_store_host": "s3 example"}, "s3_store_host"),
        ({"s3_store_host": "http://"}, "s3_store_host"),
        ({"s3_store_bucket": "a/b"}, "s3_store_bucket"),
        ({"s3_store_bucket": "Images_1", "s3_store_bucket_url_format": "virtual"}, "s3_store_bucket"),
        ({"s3_store_bucket_url_format": "other"}, "'auto', 'virtual' or 'path'"),
        ({"s3_store_large_object_chunk_size": 4}, "greater than or equal to 5"),
        ({"s3_store_large_object_size": 0}, "greater than or equal to 1"),
        ({"s3_store_thread_pools": 0}, "greater than or equal to 1"),
        ({"enabled_backends": "far:s3:/here", "default_backend": "far"}, "only files"),
        ({"enabled_backends": "file:s3", "default_backend": "file"}, "only files"),
        ({"enabled_backends": "far:s3,near:s3", "default_backend": "far"}, "same bucket"),
        ({"backend_settings": {"fast": {"s3_store_bucket": "b"}}}, "'fast' is no store that has any"),
        ({"backend_settings": {"far": {"s3_store_buckets": "b"}}}, "s3_store_buckets"),
        ({"backend_settings": {"far": {"s3_store_thread_pools": "many"}}}, "s3_store_thread_pools"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_a_word_of_the_keys(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**wrong)
    assert says in str(refused.value)
    for secret in ("an access key", "a secret key", "me:secret"):
        assert secret not in str(refused.value)


def test_the_same_settings_without_such_a_store_are_nobody_s_concern() -> None:
    assert ImageSettings(s3_store_bucket="images").backends == []


def test_what_is_shown_of_the_settings_has_no_keys() -> None:
    whole = settings(backend_settings={"far": {"s3_store_secret_key": "another secret key"}})
    for shown in (repr(whole), str(whole), repr(whole.s3_place("far")), repr(S3Options(**WHOLE))):
        assert "secret key" not in shown
        assert "an access key" not in shown
    assert whole.s3_place("far").without_secrets("x another secret key y an access key") == "x *** y ***"


def test_parts_are_larger_where_ten_thousand_would_not_do() -> None:
    assert part_size(None, 5) == 5
    assert part_size(50_000, 5) == 5
    assert part_size(50_001, 5) == 6


@pytest.mark.parametrize("host", ["s3.example.org:9000", "https://s3.example.org"])
def test_an_object_is_named_by_a_uri_without_keys(host: str) -> None:
    far = settings(s3_store_host=host).s3_place("far")
    assert key_at(far, uri(far, "an-object")) == "an-object"
    assert uri(far, "x") == ("s3+https" if "https" in host else "s3") + f"://{host.removeprefix('https://')}/images/x"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("s3://s3.example.org/images/x", "x"),
        ("s3+http://s3.example.org/images/x", "x"),
        ("s3+https://s3.example.org/images/x", None),
        ("http://s3.example.org/images/x", None),
        ("s3://elsewhere.example.org/images/x", None),
        ("s3://s3.example.org/others/x", None),
        ("s3://s3.example.org/images/x/y", None),
        ("s3://s3.example.org/images/", None),
        ("s3://s3.example.org/images/x?versionId=1", None),
        ("s3://me:secret@s3.example.org/images/x", None),
        ("s3://me:secret@s3.example.org/s3.example.org/images/x", None),
    ],
)
def test_only_a_uri_of_the_bucket_names_an_object(url: str, key: str | None) -> None:
    assert key_at(settings().s3_place("far"), url) == key


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("0c8b9bd2-95d5-4d3a-a9e0-2d9a0a5d3c11.0123456789abcdef", True),
        ("0c8b9bd2-95d5-4d3a-a9e0-2d9a0a5d3c11", False),
        ("x/0c8b9bd2-95d5-4d3a-a9e0-2d9a0a5d3c11.0123456789abcdef", False),
        ("letters.txt", False),
    ],
)
def test_only_what_is_named_as_the_service_names_it_is_its_own(key: str, ours: bool) -> None:
    assert is_own_object(key) is ours


def test_a_place_names_the_store_whose_settings_are_wrong() -> None:
    with pytest.raises(ValueError, match="the store 'far' is of type s3"):
        place("far", S3Options())
