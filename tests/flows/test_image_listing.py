"""The list of images: every filter, order and page, for whom, as one table."""

import hashlib
import io
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from support.cloud import ASharedCloud, TestCloud

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}

IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "a": ("demo", {"name": "a", "tags": ["t1"], "os_distro": "debian", "team": "x", "visibility": "private"}),
    "b": ("demo", {"name": "b,c", "tags": ["t1", "t2"], "os_distro": "debian", "team": "y", "gone": "1"}),
    "c": ("demo", {"name": "d:e", "tags": ["t2"], "disk_format": "qcow2", "min_ram": 64, "protected": True}),
    "d": ("demo", {"name": "hidden", "os_hidden": True, "min_disk": 3}),
    "e": ("demo", {"name": "a", "visibility": "community", "container_format": "ovf", "min_disk": 3}),
    "n": ("demo", {"disk_format": None, "container_format": None, "empty": ""}),
    "p": ("admin", {"name": 'p"q', "visibility": "public", "os_distro": "debian"}),
    "s": ("alt", {"name": "secret", "visibility": "private", "os_distro": "debian"}),
    "v": ("alt", {"name": "pending"}),
    "w": ("alt", {"name": "accepted", "os_distro": "debian"}),
    "x": ("alt", {"name": "rejected"}),
    "y": ("alt", {"name": "theirs", "visibility": "community"}),
    "z": ("demo", {"name": "deleted"}),
}
"""Each carries its letter as a property, and one that all have. Those of alt that are shared are shared with demo."""
DATA = {"a": b"1", "b": b"22"}
DAYS = {"a": "2020-01-01 00:00:00", "b": "2020-01-02 12:00:00.75", "c": "2020-01-03 00:00:00"}


@pytest.fixture(scope="module")
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    """Filled, in the order of the letters; b has lost a property, z is deleted, three are of some days long ago."""
    cloud = await a_shared_cloud()
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    for letter, (user, wish) in IMAGES.items():
        client = await cloud.http(user)
        body = {"disk_format": "raw", "container_format": "bare", "letter": letter, "common": "yes", **wish}
        asked = {name: value for name, value in body.items() if value is not None}
        path = f"/v2/images/{(await client.post('image', '/v2/images', json=asked)).ok(201).json['id']}"
        if letter in DATA:
            (await client.put("image", f"{path}/file", data=io.BytesIO(DATA[letter]), headers=OCTETS)).ok(204)
        if letter in "vwx":
            (await client.post("image", f"{path}/members", json={"member": demo.project_id})).ok(200)
            status = {"v": "pending", "w": "accepted", "x": "rejected"}[letter]
            mine = f"{path}/members/{demo.project_id}"
            (await demo.put("image", mine, json={"status": status})).ok(200)
        if letter == "b":
            gone = [{"op": "remove", "path": "/gone"}]
            (await client.patch("image", path, json=gone, headers=PATCH)).ok(200)
        if letter in DAYS:
            for table, key in (("images", "id"), ("image_properties", "image_id")):
                column = "created_at" if table == "images" else "image_created_at"
                sql = f"UPDATE {table} SET {column} = ($1::text || 'Z')::timestamptz WHERE {key} = $2"
                await cloud.rows("image", sql, DAYS[letter], path[-36:])
        if letter == "z":
            (await client.delete("image", path)).ok(204)
    assert alt.project_id != demo.project_id
    return cloud


async def asked(cloud: TestCloud, user: str, query: str) -> Any:
    """The answer to a list; ``{demo}``, ``{alt}`` in the query are projects, ``{a}`` and so on the images' ids."""
    client = await cloud.http(user)
    for name in ("demo", "alt"):
        query = query.replace(f"{{{name}}}", (await cloud.http(name)).project_id)
    if "{" in query:
        whole = await cloud.rows("image", "SELECT image_id, value FROM image_properties WHERE name = 'letter'")
        for row in whole:
            query = query.replace(f"{{{row['value']}}}", row["image_id"])
    return await client.get("image", f"/v2/images?{quote(query, safe='=&:,')}")


def letters(answer: Any) -> str:
    return "".join(image["letter"] for image in answer.ok(200).json["images"])


MD5, SHA = hashlib.md5(b"1").hexdigest(), hashlib.sha512(b"22").hexdigest()
FOUND = [
    # who, what is asked for, what is found
    ("demo", "", "abcenpw"),
    ("alt", "", "pvwxsy"),
    ("reader", "", "abcenpw"),
    ("admin", "", "abcnpsvwx"),
    ("admin", "visibility=all", "abcenpsvwxy"),
    ("demo", "visibility=all", "abcenpwy"),
    ("demo", "visibility=public", "p"),
    ("demo", "visibility=private", "a"),
    ("demo", "visibility=community", "ey"),
    ("demo", "visibility=shared", "bcnw"),
    ("admin", "visibility=shared", "bcnvwx"),
    ("admin", "visibility=private", "as"),
    ("demo", "visibility=shared&member_status=pending", "bcnv"),
    ("demo", "member_status=pending", "abcenpv"),
    ("demo", "member_status=rejected", "abcenpx"),
    ("demo", "member_status=accepted", "abcenpw"),
    ("demo", "member_status=all", "abcenpvwx"),
    ("demo", "owner={demo}", "abcen"),
    ("demo", "owner={alt}", "w"),
    ("demo", "owner={alt}&member_status=all", "vwx"),
    ("demo", "owner={alt}&visibility=all", "wy"),
    ("admin", "owner={alt}&visibility=all", "svwxy"),
    ("demo", "owner=nobody", ""),
    ("demo", "os_hidden=true", "d"),
    ("demo", "os_hidden=false", "abcenpw"),
    ("demo", "os_hidden=True", "d"),
    ("alt", "os_hidden=true", ""),
    ("admin", "os_hidden=true", "d"),
    ("demo", "protected=true", "c"),
    ("demo", "protected=false", "abenpw"),
    ("demo", "name=a", "ae"),
    ("demo", "name=eq:a", "ae"),
    ("demo", "name=in:a", "ae"),
    ("demo", "name=in:a,accepted", "aew"),
    ("demo", 'name=in:"b,c"', "b"),
    ("demo", 'name=in:a,"b,c","d:e"', "abce"),
    ("demo", "name=eq:d:e", "c"),
    ("demo", 'name=p"q', "p"),
    ("demo", "name=A", ""),
    ("demo", "name=", ""),
    ("demo", "name=%", ""),
    ("demo", "name=secret", ""),
    ("demo", "name=deleted", ""),
    ("demo", "id={a}", "a"),
    ("demo", "id=in:{a},{p},{s},{z}", "ap"),
    ("demo", "id=no-id", ""),
    ("demo", "status=active", "ab"),
    ("demo", "status=queued", "cenpw"),
    ("demo", "status=in:active,killed", "ab"),
    ("demo", "status=eq:queued&name=a", "e"),
    ("demo", "status=nonsense", ""),
    ("demo", "disk_format=qcow2", "c"),
    ("demo", "disk_format=in:qcow2,raw", "abcepw"),
    ("demo", "container_format=ovf", "e"),
    ("demo", "container_format=in:ovf,bare", "abcepw"),
    ("demo", "size_min=1", "ab"),
    ("demo", "size_min=2", "b"),
    ("demo", "size_max=1", "a"),
    ("demo", "size_min=1&size_max=1", "a"),
    ("demo", "size=2", "b"),
    ("demo", "virtual_size_min=2", "b"),
    ("demo", "min_ram=64", "c"),
    ("demo", "min_ram_min=1", "c"),
    ("demo", "min_ram_max=63", "abenpw"),
    ("demo", "min_disk=3", "e"),
    ("demo", "min_disk_min=1&visibility=all", "e"),
    ("demo", f"checksum={MD5}", "a"),
    ("demo", f"os_hash_value={SHA}", "b"),
    ("demo", "os_hash_algo=sha512", "ab"),
    ("demo", "tag=t1", "ab"),
    ("demo", "tag=t1&tag=t2", "b"),
    ("demo", "tag=t2", "bc"),
    ("demo", "tag=t1&tag=none", ""),
    ("demo", "os_distro=debian", "abpw"),
    ("demo", "os_distro=debian&team=x", "a"),
    ("demo", "os_distro=debian&tag=t2", "b"),
    ("demo", "os_distro=in:debian", ""),
    ("demo", "empty=", "n"),
    ("demo", "gone=1", ""),
    ("demo", "nothing=of the kind", ""),
    ("demo", "created_at=2020-01-01", "a"),
    ("demo", "created_at=eq:2020-01-02T12:00:00Z", "b"),
    ("demo", "created_at=eq:2020-01-02T13:00:00+01:00", "b"),
    ("demo", "created_at=neq:2020-01-02T12:00:00Z&owner={demo}&created_at=lt:2021-01-01", "abc"),
    ("demo", "created_at=lt:2020-01-02T12:00:00Z", "a"),
    ("demo", "created_at=lte:2020-01-02T12:00:00Z", "ab"),
    ("demo", "created_at=gt:2020-01-02T12:00:00Z&disk_format=qcow2", "c"),
    ("demo", "created_at=gte:2020-01-02T12:00:00Z&owner={demo}", "bcen"),
    ("demo", "created_at=neq:2020-01-02T12:00:00Z", "acenpw"),
    ("demo", "updated_at=lt:2020-01-01", ""),
    ("demo", "updated_at=gte:2020-01-01T00:00:00", "abcenpw"),
    ("admin", "os_distro=debian&visibility=private", "as"),
    ("demo", "limit=0", ""),
]


@pytest.mark.parametrize(("user", "query", "found"), FOUND)
async def test_what_is_found(cloud: TestCloud, user: str, query: str, found: str) -> None:
    """Also along a property that all have, which is another way to walk."""
    for asking in (query, f"common=yes&{query}"):
        assert "".join(sorted(letters(await asked(cloud, user, asking)))) == "".join(sorted(found))


async def test_what_is_shown_of_a_time_finds_it(cloud: TestCloud) -> None:
    for image in (await asked(cloud, "demo", "")).ok(200).json["images"]:
        for name in ("created_at", "updated_at"):
            for operator, found in (("eq", True), ("gte", True), ("lte", True), ("gt", False), ("lt", False)):
                answer = await asked(cloud, "demo", f"{name}={operator}:{image[name]}&id={image['id']}")
                assert bool(letters(answer)) is found, (operator, name)


ORDERS = [
    ("", "w p n e c b a"),
    ("sort=created_at:asc", "a b c e n p w"),
    ("sort_dir=asc", "a b c e n p w"),
    ("sort=name:asc", "n a e w b c p"),
    ("sort=name:desc,created_at:asc", "p c b w a e n"),
    ("sort=name:asc,created_at:desc", "n e a w b c p"),
    ("sort_key=name&sort_dir=asc", "n a e w b c p"),
    ("sort_key=name&sort_key=created_at&sort_dir=asc&sort_dir=desc", "n e a w b c p"),
    ("sort_key=status&sort_key=size&sort_dir=asc", "a b c e n p w"),
    ("sort=size:desc,name:asc", "b a n e w c p"),
    ("sort=disk_format:asc,created_at:desc", "n c w p e b a"),
    ("sort=container_format,name:asc", "e a w b c p n"),
    ("sort=status:desc,updated_at:asc&status=active", "a b"),
]


@pytest.mark.parametrize(
    ("query", "order"), [*ORDERS, *((f"common=yes&{query}".rstrip("&"), order) for query, order in ORDERS)]
)
async def test_in_which_order_and_page_by_page(cloud: TestCloud, query: str, order: str) -> None:
    """However long the pages are: the links lead through all of it and keep what was asked for."""
    demo = await cloud.http("demo")
    assert letters(await asked(cloud, "demo", query)) == order.replace(" ", "")
    for limit in (1, 2, 3, 7):
        seen, path = "", f"/v2/images?limit={limit}&{query}".rstrip("&")
        while path:
            body = (await demo.get("image", path)).ok(200).json
            assert (body["first"], body["schema"]) == (first(limit, query), "/v2/schemas/images")
            assert len(body["images"]) <= limit
            seen += "".join(image["letter"] for image in body["images"])
            path = body.get("next", "")
            if path:
                wanted = [*parse_qsl(urlsplit(first(limit, query)).query), ("marker", body["images"][-1]["id"])]
                assert parse_qsl(urlsplit(path).query) == wanted
        assert seen == order.replace(" ", ""), limit


def first(limit: int, query: str) -> str:
    pairs = [("limit", str(limit)), *parse_qsl(query)]
    return "/v2/images?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


async def test_a_page_is_as_long_as_the_operator_lets_it_be(a_shared_cloud: ASharedCloud, cloud: TestCloud) -> None:
    short = await a_shared_cloud(settings={"image": {"limit_param_default": 2, "api_limit_max": 3}})
    demo = await short.http("demo")
    for _ in range(5):
        (await demo.post("image", "/v2/images", json={})).ok(201)
    for query, length in (("", 2), ("?limit=3", 3), ("?limit=1000", 3), ("?limit=1", 1)):
        body = (await demo.get("image", f"/v2/images{query}")).ok(200).json
        assert len(body["images"]) == length
        assert "next" in body


REFUSED = [
    "changes-since=2020-01-01", "limit=-1", "limit=x", "limit=", "marker=x", "marker={s}", "marker={z}", "visibility=x",
    "visibility=", "member_status=x", "os_hidden=yes", "os_hidden=", "protected=1", "created_at=", "created_at=x",
    "created_at=like:2020-01-01", "created_at=gte:", "updated_at=in:2020-01-01", "size_min=x",
    "size=x", "min_ram=1.5", "name=in:", "name=in:a,", 'name=in:"a', 'name=in:"a"b', "name=like:a", "name=d:e",
    "status=neq:active", "id=gt:1", "disk_format=x:y", "sort=owner", "sort=name:up", "sort=", "sort_key=x",
    "sort_dir=x", "sort_key=name&sort_key=id&sort_key=size&sort_dir=asc&sort_dir=asc", "sort=name&sort_key=name",
    "sort=name&sort_dir=asc",
]  # fmt: skip


@pytest.mark.parametrize("query", REFUSED)
async def test_what_cannot_be_asked(cloud: TestCloud, query: str) -> None:
    answer = (await asked(cloud, "demo", query)).ok(400)
    assert b"400 Bad Request" in answer.body
