"""Images in S3: where there is an endpoint, where there is none, and where it says no."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from support.builders.images import a_queued_image, an_image, get_image
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until
from support.s3 import ABucket, Endpoint, Gate

TWO = ("identity", "image")
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(251)) * 66000  # more than three parts
MIB = 1024**2
AWAY = "http://127.0.0.1:9"


def stores(bucket: ABucket, url: str | None = None, *, default: str = "fast", **more: Any) -> dict[str, Any]:
    return {
        "image": {
            "enabled_backends": "fast:file, far:s3, spare:file",
            "default_backend": default,
            **bucket.options(url, **more),
        }
    }


async def put(client: JsonClient, image_id: str, store: str | None = None, kind: str = "file") -> Any:
    headers = {**OCTETS, **({"x-image-meta-store": store} if store else {})}
    return await client.put("image", f"/v2/images/{image_id}/{kind}", data=DATA, headers=headers)


async def get(client: JsonClient, image_id: str, **headers: str) -> Any:
    return await client.get("image", f"/v2/images/{image_id}/file", headers=headers)


async def has_data(client: JsonClient, image_id: str) -> bool:
    return bool((await get(client, image_id)).ok(200).body == DATA)


async def imported(client: JsonClient, cloud: TestCloud, image_id: str, method: str, **wish: Any) -> Any:
    body = {"method": {"name": method}, **wish}
    (await client.post("image", f"/v2/images/{image_id}/import", json=body)).ok(202)
    await cloud.settle()
    return await get_image(client, image_id)


async def until_swept(bucket: ABucket, *, keys: int) -> None:
    """The sweep has removed what nobody has a use for."""

    def swept() -> bool:
        return len(bucket.names()) == keys and not bucket.uploads()

    await until(lambda: asyncio.to_thread(swept), 20, interval=0.05)


async def test_an_image_lives_in_s3(a_cloud: ACloud, bucket: ABucket) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket))
    client = await cloud.http()
    image_id = await an_image(client, DATA, store="far")
    image = await get_image(client, image_id)
    assert (image["stores"], image["size"], image["status"]) == ("far", len(DATA), "active")
    assert [key[:36] for key in bucket.names()] == [image_id]
    assert await has_data(client, image_id)
    part = (await get(client, image_id, Range="bytes=6000000-6000099")).ok(206)
    assert part.body == DATA[6000000:6000100]
    assert part.headers["Content-Range"] == f"bytes 6000000-6000099/{len(DATA)}"
    assert (await get(client, image_id, Range="bytes=-7")).ok(206).body == DATA[-7:]
    (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert bucket.is_empty


async def test_s3_may_be_the_default_and_the_only_store(a_cloud: ACloud, bucket: ABucket) -> None:
    alone = {"image": {"enabled_backends": "far:s3", "default_backend": "far", **bucket.options()}}
    cloud = await a_cloud(services=TWO, settings=alone)
    client = await cloud.http()
    image_id = await a_queued_image(client)
    (await put(client, image_id, kind="stage")).ok(204)
    image = await imported(client, cloud, image_id, "glance-direct")
    assert (image["status"], image["stores"]) == ("active", "far")
    assert await has_data(client, image_id)
    empty = await a_queued_image(client)
    (await client.put("image", f"/v2/images/{empty}/file", data=b"", headers=OCTETS)).ok(204)
    assert (await get(client, empty)).ok().body == b""


async def test_administrators_learn_of_the_store_what_is_no_secret(a_cloud: ACloud, bucket: ABucket) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, default="far"))
    admin = await cloud.http("admin")
    answer = (await admin.get("image", "/v2/info/stores/detail")).ok(200)
    assert answer.json["stores"][1] == {
        "id": "far",
        "default": "true",
        "type": "s3",
        "weight": 0,
        "properties": {
            "s3_store_large_object_size": 12 * 1024**2,
            "s3_store_large_object_chunk_size": 5 * 1024**2,
            "s3_store_thread_pools": 10,
        },
    }
    for secret in (bucket.endpoint.access, bucket.endpoint.secret):
        assert secret.encode() not in answer.body


async def test_locations_in_s3_are_shown_without_keys_and_named_by_administrators(
    a_cloud: ACloud, bucket: ABucket
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, show_multiple_locations=True))
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA, store="far")
    [own] = (await get_image(client, image_id))["locations"]
    (name,) = bucket.names()
    where = f"s3://{bucket.endpoint.url.removeprefix('http://')}/{bucket.name}"
    assert own == {"url": f"{where}/{name}", "metadata": {"store": "far"}}

    older = str(uuid4())
    bucket.endpoint.client().put_object(Bucket=bucket.name, Key=older, Body=DATA[:1000])

    async def located(who: JsonClient, key: str, status: int) -> str:
        wish = [{"op": "add", "path": "/locations/-", "value": {"url": f"{where}/{key}", "metadata": {}}}]
        queued = await a_queued_image(who)
        media = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        (await who.patch("image", f"/v2/images/{queued}", json=wish, headers=media)).ok(status)
        return queued

    await located(client, older, 400)
    await located(admin, name, 400)
    await located(admin, str(uuid4()), 400)
    image = await located(admin, older, 200)
    assert (await get(admin, image)).ok(200).body == DATA[:1000]
    assert (await get(admin, image, Range="bytes=10-19")).ok(206).body == DATA[10:20]
    for one in (image, image_id):
        (await admin.delete("image", f"/v2/images/{one}")).ok(204)
    assert bucket.names() == [older]


async def test_two_buckets_are_two_stores_each_with_its_own_settings(a_cloud: ACloud, s3_endpoint: Endpoint) -> None:
    one, other = s3_endpoint.a_bucket(), s3_endpoint.a_bucket()
    both = {
        "enabled_backends": "near:s3, far:s3",
        "default_backend": "near",
        "backend_settings": {"far": {"s3_store_bucket": other.name, "s3_store_thread_pools": 2}},
        "show_multiple_locations": True,
    }
    cloud = await a_cloud(services=TWO, settings={"image": {**one.options(), **both}})
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA)
    image = await imported(admin, cloud, image_id, "copy-image", stores=["far"])
    assert image["stores"] == "near,far"
    assert [place["url"].split("/")[3] for place in image["locations"]] == [one.name, other.name]
    assert one.names() == other.names()
    (await admin.delete("image", f"/v2/stores/near/{image_id}")).ok(204)
    assert (one.names(), len(other.names())) == ([], 1)
    assert await has_data(client, image_id)

    key, where = str(uuid4()), f"s3://{s3_endpoint.url.removeprefix('http://')}/{other.name}"
    s3_endpoint.client().put_object(Bucket=other.name, Key=key, Body=DATA[:1000])
    located = await a_queued_image(admin)
    wish = [{"op": "add", "path": "/locations/-", "value": {"url": f"{where}/{key}", "metadata": {}}}]
    media = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    (await admin.patch("image", f"/v2/images/{located}", json=wish, headers=media)).ok(200)
    assert (await get_image(admin, located))["stores"] == "far"
    assert (await get(admin, located)).ok(200).body == DATA[:1000]


async def test_an_image_is_imported_into_files_and_s3_copied_and_taken_out_again(
    a_cloud: ACloud, bucket: ABucket
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket))
    client, admin = await cloud.http(), await cloud.http("admin")
    staged = await a_queued_image(client)
    (await put(client, staged, kind="stage")).ok(204)
    image = await imported(client, cloud, staged, "glance-direct", all_stores=True)
    assert (image["status"], image["stores"]) == ("active", "fast,far,spare")
    assert [key[:36] for key in bucket.names()] == [staged]

    for first, other in (("fast", "far"), ("far", "fast")):
        image_id = await an_image(client, DATA, store=first)
        image = await imported(admin, cloud, image_id, "copy-image", stores=[other])
        assert sorted(image["stores"].split(",")) == ["far", "fast"]
        (await admin.delete("image", f"/v2/stores/{first}/{image_id}")).ok(204)
        assert (await get_image(client, image_id))["stores"] == other
        assert await has_data(client, image_id)
        assert (image_id in {key[:36] for key in bucket.names()}) is (other == "far")
        (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert [key[:36] for key in bucket.names()] == [staged]


@pytest.mark.parametrize("refused", ["ListMultipartUploads", "UploadPart", "CompleteMultipartUpload"])
async def test_one_store_that_says_no_fails_an_import_only_where_all_must_succeed(
    a_cloud: ACloud, bucket: ABucket, gate: Gate, refused: str
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, gate.url))
    client = await cloud.http()
    gate.refused[refused] = (403, "AccessDenied")
    for must in (False, True):
        image_id = await a_queued_image(client)
        (await put(client, image_id, kind="stage")).ok(204)
        wish = {"stores": ["far", "fast", "spare"], "all_stores_must_succeed": must}
        image = await imported(client, cloud, image_id, "glance-direct", **wish)
        if must:
            assert (image["status"], image["os_glance_failed_import"]) == ("queued", "far,fast,spare")
        else:
            assert (image["stores"], image["os_glance_failed_import"]) == ("fast,spare", "far")
            assert await has_data(client, image_id)
    assert bucket.is_empty


@pytest.mark.parametrize("must", [True, False])
async def test_a_copy_into_s3_that_fails_leaves_the_image_as_it_was(
    a_cloud: ACloud, bucket: ABucket, gate: Gate, must: bool
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, gate.url))
    client, admin = await cloud.http(), await cloud.http("admin")
    image_id = await an_image(client, DATA, store="fast")
    gate.refused["UploadPart"] = (403, "QuotaExceeded")
    wish = {"stores": ["spare", "far"], "all_stores_must_succeed": must}
    image = await imported(admin, cloud, image_id, "copy-image", **wish)
    assert (image["status"], image["stores"]) == ("active", "fast" if must else "fast,spare")
    assert "far" in image["os_glance_failed_import"]
    assert bucket.is_empty
    gate.refused.clear()
    image = await imported(admin, cloud, image_id, "copy-image", all_stores=True)
    assert sorted(image["stores"].split(",")) == ["far", "fast", "spare"]
    assert [key[:36] for key in bucket.names()] == [image_id]


@pytest.mark.parametrize(
    ("call", "status", "code", "told"),
    [
        ("UploadPart", 403, "QuotaExceeded", 413),
        ("UploadPart", 507, "XMinioStorageFull", 413),
        ("UploadPart", 403, "AccessDenied", 503),
        ("CompleteMultipartUpload", 400, "InvalidPart", 503),
        ("ListMultipartUploads", 403, "InvalidAccessKeyId", 503),
    ],
)
async def test_an_upload_that_s3_refuses_is_refused_and_the_image_is_queued_again(
    a_cloud: ACloud, bucket: ABucket, gate: Gate, call: str, status: int, code: str, told: int
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, gate.url, default="far"))
    client = await cloud.http()
    image_id = await a_queued_image(client)
    gate.refused[call] = (status, code)
    answer = (await put(client, image_id)).ok(told)
    for inside in (b"127.0.0.1", bucket.name.encode(), bucket.endpoint.secret.encode(), code.encode()):
        assert inside not in answer.body
    assert (await get_image(client, image_id))["status"] == "queued"
    gate.refused.clear()
    assert bucket.is_empty
    (await put(client, image_id)).ok(204)
    assert await has_data(client, image_id)


async def test_without_the_endpoint_the_rest_of_the_service_goes_on(
    a_cloud: ACloud, bucket: ABucket, s3_endpoint: Endpoint
) -> None:
    there = await a_cloud(services=TWO, settings=stores(bucket))
    client = await there.http()
    far, fast = await an_image(client, DATA, store="far"), await an_image(client, DATA, store="fast")
    await there.close()

    away = await a_cloud(services=TWO, settings=stores(bucket, AWAY, default="far"))
    client = await away.http()
    assert await has_data(client, fast)
    answer = (await get(client, far)).ok(503)
    assert b"127.0.0.1" not in answer.body
    queued = await a_queued_image(client)
    (await put(client, queued)).ok(503)
    assert (await get_image(client, queued))["status"] == "queued"
    (await client.delete("image", f"/v2/images/{far}")).ok(204)
    (await client.delete("image", f"/v2/images/{fast}")).ok(204)
    assert len(bucket.names()) == 1
    await away.close()

    settings = stores(bucket)
    settings["image"] |= {"sweep_seconds": 0.1, "heartbeat_seconds": 0.1, "lease_seconds": 2.0}
    await a_cloud(services=TWO, settings=settings)
    await until_swept(bucket, keys=0)


async def test_what_nobody_has_a_use_for_goes_and_what_is_not_ours_stays(
    a_cloud: ACloud, bucket: ABucket, s3_endpoint: Endpoint
) -> None:
    settings = stores(bucket)
    settings["image"] |= {"sweep_seconds": 0.1, "heartbeat_seconds": 0.1, "lease_seconds": 2.0}
    cloud = await a_cloud(services=TWO, settings=settings)
    kept = await an_image(await cloud.http(), DATA, store="far")
    lost = f"{kept[:-1]}{'0' if kept[-1] != '0' else '1'}.{'a' * 16}"
    s3 = s3_endpoint.client()
    s3.put_object(Bucket=bucket.name, Key="a letter", Body=b"dear")
    s3.put_object(Bucket=bucket.name, Key=lost, Body=b"left behind")
    s3.create_multipart_upload(Bucket=bucket.name, Key=lost)
    await until_swept(bucket, keys=2)
    assert lost not in bucket.names()
    assert await has_data(await cloud.http(), kept)


async def test_an_endpoint_lost_amid_an_upload_is_swept_when_it_is_back(
    a_cloud: ACloud, bucket: ABucket, gate: Gate
) -> None:
    settings = stores(bucket, gate.url)
    settings["image"] |= {"sweep_seconds": 0.1, "heartbeat_seconds": 0.1, "lease_seconds": 2.0}
    cloud = await a_cloud(services=TWO, settings=settings)
    client = await cloud.http()
    image_id = await a_queued_image(client)
    gate.held = {"UploadPart"}
    upload = asyncio.create_task(put(client, image_id, "far"))
    await gate.until_waiting()
    for call in ("UploadPart", "AbortMultipartUpload", "DeleteObject", "ListMultipartUploads", "ListObjectsV2"):
        gate.refused[call] = (403, "AccessDenied")
    await gate.let_go()
    (await upload).ok(503)
    assert (await get_image(client, image_id))["status"] == "queued"
    assert len(bucket.uploads()) == 1
    gate.refused.clear()
    await until_swept(bucket, keys=0)


async def test_a_client_that_goes_away_leaves_no_parts(a_cloud: ACloud, bucket: ABucket, gate: Gate) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, gate.url))
    client = await cloud.http()
    image_id = await a_queued_image(client)

    async def some_and_silence() -> AsyncIterator[bytes]:
        for at in range(0, 15 * MIB, MIB):
            yield DATA[at : at + MIB]
        await asyncio.Event().wait()

    headers = {**OCTETS, "x-image-meta-store": "far"}
    path = f"/v2/images/{image_id}/file"
    upload = asyncio.create_task(client.put("image", path, data=some_and_silence(), headers=headers))
    gate.held = {"UploadPart"}
    await gate.until_waiting()
    assert (await get_image(client, image_id))["status"] == "saving"  # nobody else waits for S3
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    await gate.let_go()

    async def queued() -> bool:
        return (await get_image(client, image_id))["status"] == "queued"

    await until(queued, 20)
    await until_swept(bucket, keys=0)


async def test_a_reader_gets_the_whole_image_though_connections_break_off(
    a_cloud: ACloud, bucket: ABucket, gate: Gate
) -> None:
    cloud = await a_cloud(services=TWO, settings=stores(bucket, gate.url))
    client = await cloud.http()
    image_id = await an_image(client, DATA, store="far")
    gate.cut, gate.cut_at = 2, 3_000_000
    assert await has_data(client, image_id)
    assert gate.seen.count("GetObject") == 3


async def test_no_key_gets_into_a_log_or_an_answer(
    a_cloud: ACloud, strict_s3_endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = strict_s3_endpoint.a_bucket()
    caplog.set_level(logging.DEBUG)
    wrong = "wrong" * 8
    cloud = await a_cloud(services=TWO, settings=stores(bucket, default="far", s3_store_secret_key=wrong))
    client = await cloud.http()
    image_id = await a_queued_image(client)
    answer = (await put(client, image_id)).ok(503)
    assert "the store far did not take" in caplog.text
    for secret in (wrong, strict_s3_endpoint.access):
        assert secret not in caplog.text
        assert secret.encode() not in answer.body
