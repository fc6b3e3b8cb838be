"""Metadata definitions: namespaces, what is in them, who may see and change them, what is told of it."""

from typing import Any

import pytest

from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud

NAMESPACES = "/v2/metadefs/namespaces"
SIZE = {"title": "Size", "type": "integer", "minimum": 1}
WHOLE: dict[str, Any] = {
    "display_name": "Ours",
    "description": "What we need",
    "visibility": "public",
    "resource_type_associations": [
        {"name": "OS::Glance::Image", "prefix": "our_"},
        {"name": "Our::Type", "prefix": "t:", "properties_target": "image"},
    ],
    "properties": {"size": SIZE, "colour": {"title": "Colour", "type": "string", "enum": ["red", "blue"]}},
    "objects": [{"name": "Box", "description": "A box", "required": ["width"], "properties": {"width": SIZE}}],
    "tags": [{"name": "one"}, {"name": "two"}],
}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def a_namespace(client: JsonClient, name: str, **wish: Any) -> Any:
    return (await client.post("image", NAMESPACES, json={"namespace": name, **wish})).ok(201).json


async def show(client: JsonClient, name: str, query: str = "") -> Any:
    return (await client.get("image", f"{NAMESPACES}/{name}{query}")).ok(200).json


async def remove(client: JsonClient, name: str) -> None:
    (await client.put("image", f"{NAMESPACES}/{name}", json={"namespace": name})).ok(200)
    (await client.delete("image", f"{NAMESPACES}/{name}")).ok(204)


async def names(client: JsonClient, query: str = "?limit=100") -> list[str]:
    found = (await client.get("image", f"{NAMESPACES}{query}")).ok(200).json["namespaces"]
    return [each["namespace"] for each in found]


async def told(cloud: TestCloud, namespace: str) -> list[tuple[str, Any]]:
    rows = await cloud.rows(
        "image",
        "SELECT name, payload FROM outbox WHERE kind = 'notify' AND name LIKE 'metadef_%'"
        " AND $1 IN (payload ->> 'namespace', payload ->> 'namespace_old') ORDER BY seq",
        namespace,
    )
    return [(row["name"], row["payload"]) for row in rows]


async def test_a_namespace_is_made_whole_and_shown_whole(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    answer = (await admin.post("image", NAMESPACES, json={"namespace": "Whole", **WHOLE})).ok(201)
    assert answer.headers["Location"] == f"{cloud.urls['image']}{NAMESPACES}/Whole"
    shown = await show(admin, "Whole")
    assert answer.json == shown
    assert (shown["self"], shown["schema"]) == (f"{NAMESPACES}/Whole", "/v2/schemas/metadefs/namespace")
    assert (shown["visibility"], shown["protected"], shown["owner"]) == ("public", False, admin.project_id)
    assert shown["properties"] == WHOLE["properties"]
    assert shown["tags"] == WHOLE["tags"]
    (box,) = shown["objects"]
    assert box["self"] == f"{NAMESPACES}/Whole/objects/Box"
    assert {name: box[name] for name in WHOLE["objects"][0]} == WHOLE["objects"][0]
    assert [(each["name"], each["prefix"]) for each in shown["resource_type_associations"]] == [
        ("OS::Glance::Image", "our_"), ("Our::Type", "t:"),
    ]  # fmt: skip
    types = (await admin.get("image", "/v2/metadefs/resource_types")).ok(200).json["resource_types"]
    assert types[0]["name"] == "OS::Glance::Image"
    assert types[-1]["name"] == "Our::Type"
    await remove(admin, "Whole")


async def test_properties_are_shown_with_the_prefix_of_the_resource_type_asked_for(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Prefixed", **WHOLE)
    shown = await show(admin, "Prefixed", "?resource_type=OS::Glance::Image")
    assert list(shown["properties"]) == ["our_size", "our_colour"]
    assert (shown["objects"][0]["required"], list(shown["objects"][0]["properties"])) == (["our_width"], ["our_width"])
    assert list((await show(admin, "Prefixed", "?resource_type=Unknown"))["properties"]) == ["size", "colour"]

    one = f"{NAMESPACES}/Prefixed/properties"
    by_prefix = (await admin.get("image", f"{one}/t:size?resource_type=Our::Type")).ok(200).json
    assert by_prefix == {"name": "size", **SIZE}
    (await admin.get("image", f"{one}/size?resource_type=Our::Type")).ok(404)
    (await admin.get("image", f"{one}/size?resource_type=Unknown")).ok(404)
    await remove(admin, "Prefixed")


async def test_an_update_says_all_of_a_namespace_and_leaves_what_is_in_it(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Before", **WHOLE)
    changed = (await admin.put("image", f"{NAMESPACES}/Before", json={"namespace": "After", "protected": True})).ok(200)
    assert "display_name" not in changed.json
    assert (changed.json["visibility"], changed.json["protected"]) == ("private", True)
    (await admin.get("image", f"{NAMESPACES}/Before")).ok(404)
    assert (await show(admin, "After"))["properties"] == WHOLE["properties"]

    taken = await a_namespace(admin, "Taken")
    (await admin.put("image", f"{NAMESPACES}/After", json={"namespace": taken["namespace"]})).ok(409)
    sent_back = {"namespace": "After", "protected": True, "tags": WHOLE["tags"]}
    (await admin.put("image", f"{NAMESPACES}/After", json=sent_back)).ok(200)
    (await admin.put("image", f"{NAMESPACES}/After", json={**sent_back, "tags": [{"name": "other"}]})).ok(400)
    assert (await show(admin, "After"))["tags"] == WHOLE["tags"]
    await remove(admin, "After")
    await remove(admin, "Taken")


@pytest.mark.parametrize(
    ("path", "wish", "changed"),
    [
        ("objects", {"name": "a", "properties": {"p": SIZE}}, {"name": "b", "description": "new"}),
        ("properties", {"name": "a", **SIZE}, {"name": "b", "title": "T", "type": "string", "default": "x"}),
    ],
)
async def test_objects_and_properties_are_added_shown_changed_and_removed(
    cloud: TestCloud, path: str, wish: dict[str, Any], changed: dict[str, Any]
) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Items")
    base = f"{NAMESPACES}/Items/{path}"
    made = (await admin.post("image", base, json=wish)).ok(201).json
    assert wish.items() <= made.items()
    (await admin.post("image", base, json=wish)).ok(409)
    assert (await admin.get("image", f"{base}/a")).ok(200).json == made
    after = (await admin.put("image", f"{base}/a", json=changed)).ok(200).json
    assert changed.items() <= after.items()
    assert not set(wish) - set(changed) & set(after)
    (await admin.get("image", f"{base}/a")).ok(404)
    (await admin.put("image", f"{base}/a", json=changed)).ok(404)
    (await admin.post("image", base, json=wish)).ok(201)
    (await admin.put("image", f"{base}/b", json={**changed, "name": "a"})).ok(409)
    assert len((await admin.get("image", base)).ok(200).json[path]) == 2
    (await admin.delete("image", f"{base}/a")).ok(204)
    (await admin.delete("image", f"{base}/a")).ok(404)
    (await admin.delete("image", base)).ok(204)
    assert not (await admin.get("image", base)).ok(200).json[path]
    await remove(admin, "Items")


async def test_tags_are_replaced_all_at_once_or_appended(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Tagged")
    base = f"{NAMESPACES}/Tagged/tags"

    async def listed(query: str = "?sort_key=name&sort_dir=asc") -> list[str]:
        return [tag["name"] for tag in (await admin.get("image", f"{base}{query}")).ok(200).json["tags"]]

    async def post(*tags: str, **headers: str) -> Answer:
        return await admin.post("image", base, json={"tags": [{"name": tag} for tag in tags]}, headers=headers)

    assert (await post("c", "a")).ok(201).json == {"tags": [{"name": "c"}, {"name": "a"}]}
    (await post("b")).ok(201)
    assert await listed() == ["b"]
    (await post("d", "e", **{"X-Openstack-Append": "True"})).ok(201)
    assert await listed() == ["b", "d", "e"]
    (await post("f", "e", **{"X-Openstack-Append": "True"})).ok(409)
    (await post("x", "x")).ok(409)
    (await post()).ok(201)
    assert await listed() == ["b", "d", "e"]
    assert await listed("?sort_key=name&sort_dir=desc&limit=2") == ["e", "d"]
    assert await listed("?sort_key=name&sort_dir=desc&limit=2&marker=d") == ["b"]
    (await admin.get("image", f"{base}?marker=nowhere")).ok(404)

    one = (await admin.post("image", f"{base}/single")).ok(201).json
    assert one == (await admin.get("image", f"{base}/single")).ok(200).json
    (await admin.post("image", f"{base}/single")).ok(409)
    (await admin.put("image", f"{base}/single", json={"name": "renamed"})).ok(200)
    (await admin.put("image", f"{base}/renamed", json={"name": "b"})).ok(409)
    (await admin.delete("image", f"{base}/renamed")).ok(204)
    (await admin.delete("image", base)).ok(204)
    assert await listed() == []
    await remove(admin, "Tagged")


async def test_resource_types_are_associated_once_and_stay_known(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Typed")
    base = f"{NAMESPACES}/Typed/resource_types"
    made = (await admin.post("image", base, json={"name": "Brand::New", "prefix": "b_"})).ok(201).json
    assert (made["name"], made["prefix"], "properties_target" in made) == ("Brand::New", "b_", False)
    (await admin.post("image", base, json={"name": "Brand::New"})).ok(409)
    assert (await admin.get("image", base)).ok(200).json == {"resource_type_associations": [made]}
    assert await names(admin, "?resource_types=Nothing,Brand::New") == ["Typed"]
    (await admin.delete("image", f"{base}/Brand::New")).ok(204)
    (await admin.delete("image", f"{base}/Brand::New")).ok(404)
    types = (await admin.get("image", "/v2/metadefs/resource_types")).ok(200).json["resource_types"]
    assert "Brand::New" in [each["name"] for each in types]
    await remove(admin, "Typed")


async def test_what_is_protected_is_not_deleted_nor_anything_in_it(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Guarded", protected=True, **WHOLE)
    base = f"{NAMESPACES}/Guarded"
    inside = ("objects/Box", "properties/size", "tags/one", "resource_types/Our::Type", "objects", "properties", "tags")
    for path in ("", *(f"/{each}" for each in inside)):
        (await admin.delete("image", f"{base}{path}")).ok(403)
    before = await show(admin, "Guarded")
    assert (len(before["objects"]), len(before["properties"]), len(before["tags"])) == (1, 2, 2)
    await remove(admin, "Guarded")


async def test_others_do_not_see_private_namespaces_and_write_nowhere(cloud: TestCloud) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    await a_namespace(admin, "Hidden", **{**WHOLE, "visibility": "private"})
    await a_namespace(admin, "Open", **WHOLE)
    await a_namespace(admin, "Given", **{**WHOLE, "visibility": "private"}, owner=demo.project_id)
    seen = await names(demo)
    assert ("Hidden" in seen, "Open" in seen, "Given" in seen) == (False, True, True)
    assert await names(demo, "?visibility=private") == ["Given"]
    assert set(await names(admin, "?visibility=private")) == {"Hidden", "Given"}
    (await demo.get("image", f"{NAMESPACES}?marker=Hidden")).ok(404)

    writes: list[tuple[str, str, Any]] = [
        ("PUT", "", {"namespace": "x"}),
        ("DELETE", "", None),
        ("POST", "/objects", {"name": "o"}),
        ("PUT", "/objects/Box", {"name": "o"}),
        ("DELETE", "/objects/Box", None),
        ("DELETE", "/objects", None),
        ("POST", "/properties", {"name": "p", **SIZE}),
        ("PUT", "/properties/size", {"name": "p", **SIZE}),
        ("DELETE", "/properties/size", None),
        ("DELETE", "/properties", None),
        ("POST", "/tags", {"tags": []}),
        ("POST", "/tags/new", None),
        ("PUT", "/tags/one", {"name": "t"}),
        ("DELETE", "/tags/one", None),
        ("DELETE", "/tags", None),
        ("POST", "/resource_types", {"name": "r"}),
        ("DELETE", "/resource_types/Our::Type", None),
    ]
    reads = ("", "/objects", "/objects/Box", "/properties", "/properties/size", "/tags", "/tags/one", "/resource_types")
    for namespace, read, write in (("Hidden", 404, 404), ("Open", 200, 403), ("Given", 200, 403), ("None", 404, 404)):
        for path in reads:
            (await demo.get("image", f"{NAMESPACES}/{namespace}{path}")).ok(read)
        before = await show(admin, namespace) if namespace != "None" else None
        for method, path, body in writes:
            (await demo.request(method, "image", f"{NAMESPACES}/{namespace}{path}", json=body)).ok(write)
        assert before is None or await show(admin, namespace) == before
    (await demo.post("image", NAMESPACES, json={"namespace": "Mine"})).ok(403)
    for namespace in ("Hidden", "Open", "Given"):
        await remove(admin, namespace)


ROLES = ("demo", "reader", "alt", "admin")
"""A member of the namespace's project, a reader there, a member elsewhere, an administrator."""
MAY = """
show             | private           | 200 200 404 200
show             | public            | 200 200 200 200
list             | private           | yes yes no  yes
list             | public            | yes yes yes yes
change           | private           | 403 403 404 200
change           | public            | 403 403 403 200
add a property   | private           | 403 403 404 201
add a property   | public            | 403 403 403 201
delete           | private           | 403 403 404 204
delete           | public            | 403 403 403 204
delete           | private protected | 403 403 404 403
delete           | public protected  | 403 403 403 403
"""


@pytest.mark.parametrize("row", MAY.strip().splitlines())
async def test_who_may_do_what_with_whose_namespace(cloud: TestCloud, row: str) -> None:
    call, kind, cells = (part.strip() for part in row.split("|"))
    admin, owner = await cloud.http("admin"), (await cloud.http("demo")).project_id
    visibility, protected = kind.split()[0], "protected" in kind
    wish = {"visibility": visibility, "protected": protected, "owner": owner}
    await a_namespace(admin, "Theirs", **wish)
    before, path = await show(admin, "Theirs"), f"{NAMESPACES}/Theirs"
    found = []
    for role in ROLES:
        client = await cloud.http(role)
        if call == "list":
            found.append("yes" if "Theirs" in await names(client) else "no")
            continue
        answer = {
            "show": lambda client: client.get("image", path),
            "change": lambda client: client.put("image", path, json={"namespace": "Theirs", **wish}),
            "add a property": lambda client: client.post("image", f"{path}/properties", json={"name": "p", **SIZE}),
            "delete": lambda client: client.delete("image", path),
        }[call](client)
        found.append(str((await answer).status))
        if role != "admin":
            assert await show(admin, "Theirs") == before
    if found[-1] != "204":
        await remove(admin, "Theirs")
    assert found == cells.split()


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"namespace": ""}, 400),
        ({"namespace": "x" * 81}, 400),
        ({"namespace": "a\r\nb"}, 400),
        ({"namespace": 1}, 400),
        ({"namespace": "Bad", "display_name": None}, 400),
        ({"namespace": "Bad", "description": "x" * 501}, 400),
        ({"namespace": "Bad", "visibility": "shared"}, 400),
        ({"namespace": "Bad", "protected": "yes"}, 400),
        ({"namespace": "Bad", "colour": "red"}, 400),
        ({"namespace": "Bad", "self": "/x"}, 403),
        ({"namespace": "Bad", "created_at": "2020-01-01T00:00:00Z"}, 403),
        ({"namespace": "Bad", "properties": {"p": {"title": "no type"}}}, 400),
        ({"namespace": "Bad", "properties": {"p": {"title": "T", "type": "number", "minLength": -1}}}, 400),
        ({"namespace": "Bad", "properties": {"p": {"title": "T", "type": "text"}}}, 400),
        ({"namespace": "Bad", "properties": {"p" * 81: SIZE}}, 400),
        ({"namespace": "Bad", "objects": [{"name": "o", "required": ["a", "a"]}]}, 400),
        ({"namespace": "Bad", "objects": [{"description": "no name"}]}, 400),
        ({"namespace": "Bad", "objects": [{"name": "o"}, {"name": "o"}]}, 409),
        ({"namespace": "Bad", "resource_type_associations": [{"name": "r"}, {"name": "r"}]}, 409),
        ({"namespace": "Bad", "tags": ["t"]}, 400),
        ({"namespace": "OS::OperatingSystem"}, 409),
    ],
)
async def test_what_is_no_namespace_is_refused_and_nothing_of_it_is_kept(
    cloud: TestCloud, wish: Any, status: int
) -> None:
    admin = await cloud.http("admin")
    types = (await admin.get("image", "/v2/metadefs/resource_types")).json
    (await admin.post("image", NAMESPACES, json=wish)).ok(status)
    (await admin.get("image", f"{NAMESPACES}/Bad")).ok(404)
    assert (await admin.get("image", "/v2/metadefs/resource_types")).json == types


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=-1", 400),
        ("limit=x", 400),
        ("limit=0", 200),
        ("limit=999999999999999999999999", 200),
        ("marker=nowhere", 404),
        ("sort_key=id;drop", 400),
        ("sort_dir=up", 400),
        ("visibility=shared", 400),
        ("colour=red", 200),
        ("resource_types=,", 200),
    ],
)
async def test_what_no_list_can_be_asked_is_refused(cloud: TestCloud, query: str, status: int) -> None:
    demo = await cloud.http("demo")
    (await demo.get("image", f"{NAMESPACES}?{query}")).ok(status)


async def test_a_list_has_pages_in_any_order(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for sort in ("namespace", "created_at", "display_name"):
        for direction in ("asc", "desc"):
            whole = await names(demo, f"?limit=1000&sort_key={sort}&sort_dir={direction}")
            path, walked = f"{NAMESPACES}?limit=7&sort_key={sort}&sort_dir={direction}", []
            while path:
                page = (await demo.get("image", path)).ok(200).json
                walked += [each["namespace"] for each in page["namespaces"]]
                path = page.get("next")
            assert walked == whole
            assert len(set(whole)) == len(whole)


async def test_each_change_is_reported_as_glance_reports_it(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    await a_namespace(admin, "Loud", **WHOLE)
    base = f"{NAMESPACES}/Loud"
    (await admin.put("image", f"{base}/properties/size", json={"name": "length", **SIZE})).ok(200)
    (await admin.delete("image", f"{base}/tags/one")).ok(204)
    (await admin.delete("image", f"{base}/objects")).ok(204)
    (await admin.delete("image", f"{base}/resource_types/Our::Type")).ok(204)
    (await admin.put("image", base, json={"namespace": "Louder"})).ok(200)
    (await admin.delete("image", f"{NAMESPACES}/Louder")).ok(204)
    events = await told(cloud, "Loud")
    assert [name for name, _ in events] == [
        "metadef_namespace.create", "metadef_resource_type.create", "metadef_resource_type.create",
        "metadef_object.create", "metadef_tag.create", "metadef_tag.create",
        "metadef_property.create", "metadef_property.create",
        "metadef_property.update", "metadef_tag.delete", "metadef_namespace.delete_objects",
        "metadef_resource_type.delete", "metadef_namespace.update",
    ]  # fmt: skip
    said = dict(events)
    assert (said["metadef_property.update"]["name_old"], said["metadef_property.update"]["name"]) == ("size", "length")
    assert said["metadef_property.update"]["minimum"] == 1
    assert said["metadef_object.create"]["properties"][0]["name"] == "width"
    assert said["metadef_tag.delete"]["deleted"] is True
    assert said["metadef_namespace.update"]["namespace"] == "Louder"
    ((_, payload),) = [event for event in await told(cloud, "Louder") if event[0] == "metadef_namespace.delete"]
    assert (payload["deleted"], payload["namespace_old"]) == (True, "Louder")


async def test_the_catalogue_is_given_once_and_is_the_operators_from_then_on(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "image"))
    admin = await cloud.http("admin")
    shown = await show(admin, "OS::Compute::Watchdog", "?resource_type=OS::Glance::Image")
    assert shown["properties"]["hw_watchdog_action"]["enum"] == ["disabled", "none", "pause", "poweroff", "reset"]
    assert (shown["protected"], shown["visibility"]) == (True, "public")
    await remove(admin, "OS::Compute::VMware")
    changed = {"namespace": "OS::Compute::TPM", "visibility": "private", "description": "not here"}
    (await admin.put("image", f"{NAMESPACES}/OS::Compute::TPM", json=changed)).ok(200)
    before = (await admin.get("image", f"{NAMESPACES}?limit=1000")).json
    await cloud.close()

    again = await a_cloud(services=("identity", "image"))
    assert (await (await again.http("admin")).get("image", f"{NAMESPACES}?limit=1000")).json == before


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("namespace", "namespace"), ("namespaces", "namespaces"), ("object", "object"), ("objects", "objects"),
        ("property", "property"), ("properties", "properties"), ("tag", "tag"), ("tags", "tags"),
        ("resource_type", "resource_type_association"), ("resource_types", "resource_type_associations"),
    ],
)  # fmt: skip
async def test_schemas_tell_their_names(cloud: TestCloud, name: str, called: str) -> None:
    demo = await cloud.http("demo")
    assert (await demo.get("image", f"/v2/schemas/metadefs/{name}")).ok(200).json["name"] == called
    (await demo.get("image", "/v2/schemas/metadefs/nothing")).ok(404)


async def test_the_stock_client_works_with_definitions(cloud: TestCloud) -> None:
    def use(connection: Any) -> None:
        image = connection.image
        image.create_metadef_namespace(namespace="Sdk", visibility="public", display_name="From the SDK")
        image.update_metadef_namespace("Sdk", display_name="Changed", visibility="public")
        image.create_metadef_resource_type_association("Sdk", name="OS::Nova::Server", prefix="s_")
        image.create_metadef_object("Sdk", name="o", description="d", properties={"p": SIZE})
        image.update_metadef_object("o", "Sdk", name="o2", description="e")
        image.create_metadef_property("Sdk", name="p", title="P", type="string")
        image.update_metadef_property("p", "Sdk", name="p", title="P2", type="string")
        assert image.get_metadef_namespace("Sdk").display_name == "Changed"
        assert [each.name for each in image.metadef_objects("Sdk")] == ["o2"]
        assert [(each.name, each.title) for each in image.metadef_properties("Sdk")] == [("p", "P2")]
        assert [each.name for each in image.metadef_resource_type_associations("Sdk")] == ["OS::Nova::Server"]
        assert len(list(image.metadef_namespaces())) > 20
        image.delete_metadef_property("p", "Sdk")
        image.delete_all_metadef_objects("Sdk")
        image.delete_metadef_resource_type_association("OS::Nova::Server", "Sdk")
        image.delete_metadef_namespace("Sdk")
        assert "Sdk" not in [each.namespace for each in image.metadef_namespaces()]

    await cloud.sdk(use, user="admin")


async def test_the_stock_command_works_with_definitions(cloud: TestCloud) -> None:
    async def run(*words: str) -> str:
        return await cloud.openstack("image", "metadef", *words, user="admin")

    await run("namespace", "create", "Cli", "--public", "--display-name", "From the CLI")
    await run("namespace", "set", "Cli", "--display-name", "Changed", "--public", "--tag", "t")
    assert "Changed" in await run("namespace", "show", "Cli")
    await run("property", "create", "Cli", "--name", "p", "--title", "P", "--type", "string", "--schema", "{}")
    assert "P" in await run("property", "list", "Cli")
    assert "OS::Glance::Image" in await run("resource", "type", "list")
    await run("namespace", "delete", "Cli")
    assert "Cli" not in await run("namespace", "list")


async def test_artifacts_are_refused_by_that_word(demo: JsonClient) -> None:
    """They were Glance's third version, and Glare's first."""
    for path in ("/v3/artifacts", "/v3/artifacts/images/v1", "/v0.1/artifacts"):
        for method in ("GET", "POST"):
            answer = (await demo.request(method, "image", path)).ok(501)
            assert b"artifacts (Glare)" in answer.body
    for path in ("/v3", "/v3/images", "/v0.1", "/v3/artifactsx"):
        assert (await demo.get("image", path)).status == 300, path
