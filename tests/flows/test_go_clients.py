"""A day's work of what is written in Go, request by request: the Terraform provider, and Kubernetes' cloud provider.

The programs are not run here. What they send, in which order, and what they take for an answer is from their sources
(gophercloud 2, terraform-provider-openstack 3, cloud-provider-openstack 1.36).
"""

from typing import Any

import aiohttp
import pytest

from support.cloud import ASharedCloud, TestCloud
from support.go_client import GoClient

PATCH = "application/openstack-images-v2.1-json-patch"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcGKAIjYjGFWcK9Sa9ZOR7DPUCdlWJT0dvoEGYeIxXe a@b"
HOME = {"name": "Default"}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def by_password(session: aiohttp.ClientSession, cloud: TestCloud) -> GoClient:
    user = {"name": "demo", "password": "secret", "domain": HOME}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return await GoClient.of(session, cloud.auth_url, auth | {"scope": {"project": {"name": "demo", "domain": HOME}}})


async def by_application_credential(
    session: aiohttp.ClientSession, cloud: TestCloud, name: str, by_name: bool
) -> GoClient:
    """Without a scope: the credential has one."""
    demo = await cloud.http("demo")
    me = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).json["token"]["user"]
    wish = {"application_credential": {"name": name, "roles": [{"name": "member"}]}}
    made = await demo.post("identity", f"/v3/users/{me['id']}/application_credentials", json=wish)
    credential = made.ok(201).json["application_credential"]
    data = {"id": credential["id"]} if not by_name else {"name": name, "user": {"name": "demo", "domain": HOME}}
    data["secret"] = credential["secret"]
    auth = {"identity": {"methods": ["application_credential"], "application_credential": data}}
    return await GoClient.of(session, cloud.auth_url, auth)


async def an_image(go: GoClient, name: str) -> str:
    """openstack_images_image_v2: created, uploaded, waited for, read."""
    wish = {"name": name, "container_format": "bare", "disk_format": "raw", "min_disk": 0, "min_ram": 0}
    wish |= {"protected": False, "visibility": "private", "tags": ["go"], "hw_disk_bus": "scsi"}
    image = (await go.call("POST", "image", "images", wish, ok=(201,)))["id"]
    await go.call("PUT", "image", f"images/{image}/file", b"x" * 1024, ok=(204,))
    found = await go.becomes("image", f"images/{image}", "image", "active")
    assert (found["hw_disk_bus"], found["size"], found["tags"]) == ("scsi", 1024, ["go"])
    return str(image)


async def a_volume(go: GoClient, **wish: Any) -> str:
    volume = (await go.call("POST", "block-storage", "volumes", {"volume": {"size": 1, **wish}}, ok=(202,)))["volume"]
    await go.becomes("block-storage", f"volumes/{volume['id']}", "volume", "available")
    return str(volume["id"])


async def attached(go: GoClient, server: str, volume: str, version: str = "") -> dict[str, Any]:
    path, wish = f"servers/{server}/os-volume_attachments", {"volumeAttachment": {"volumeId": volume}}
    made = (await go.call("POST", "compute", path, wish, ok=(200,), version=version))["volumeAttachment"]
    await go.becomes("block-storage", f"volumes/{volume}", "volume", "in-use")
    return dict(made)


async def a_server(go: GoClient, name: str, flavor: str, volume: str) -> str:
    """openstack_compute_instance_v2 on a volume: ``imageRef`` is sent, and empty."""
    device = {"boot_index": 0, "delete_on_termination": False, "destination_type": "volume", "source_type": "volume"}
    wish = {"name": name, "imageRef": "", "flavorRef": flavor, "networks": "none", "metadata": {"a": "b"}}
    body = {"server": {**wish, "block_device_mapping_v2": [{**device, "uuid": volume}]}}
    made = await go.call("POST", "compute", "servers", body, ok=(200, 202), version="2.37")
    return str((await go.becomes("compute", f"servers/{made['server']['id']}", "server", "ACTIVE"))["id"])


async def flavors(go: GoClient) -> dict[str, str]:
    found = (await go.call("GET", "compute", "flavors/detail?is_public=None"))["flavors"]
    return {flavor["name"]: flavor["id"] for flavor in found}


async def act(go: GoClient, kind: str, path: str, body: Any, **more: Any) -> None:
    await go.call("POST", kind, f"{path}/action", body, **{"ok": (201, 202, 204), **more})


async def test_terraform_applies_changes_and_destroys(cloud: TestCloud) -> None:
    async with aiohttp.ClientSession() as session:
        go = await by_password(session, cloud)
        image = await an_image(go, "tf")
        keypair = {"keypair": {"name": "tf", "public_key": KEY}}
        await go.call("POST", "compute", "os-keypairs", keypair, ok=(200, 201))
        assert (await go.call("GET", "compute", "os-keypairs/tf"))["keypair"]["public_key"] == KEY
        volume = await a_volume(go, name="tf", imageRef=image, metadata={"team": "blue"}, availability_zone="nova")
        sizes = await flavors(go)
        server = await a_server(go, "tf", sizes["m1.tiny"], volume)
        path = f"servers/{server}"
        await refreshed(go, path, sizes["m1.tiny"], [])
        data = await a_volume(go, name="tf-data")
        attachment = await attached(go, server, data)
        assert (await go.call("GET", "compute", f"{path}/os-volume_attachments/{attachment['id']}")) is not None
        await changed(go, path, sizes["m1.small"])
        await refreshed(go, path, sizes["m1.small"], ["new"])
        await patched(go, image)
        await go.call("DELETE", "compute", f"{path}/os-volume_attachments/{data}")
        await go.becomes("block-storage", f"volumes/{data}", "volume", "available")
        await go.call("DELETE", "compute", path)
        await go.is_gone("compute", path)
        for each in (data, volume):
            await go.becomes("block-storage", f"volumes/{each}", "volume", "available")
            await go.call("DELETE", "block-storage", f"volumes/{each}")
            await go.is_gone("block-storage", f"volumes/{each}")
        await go.call("DELETE", "compute", "os-keypairs/tf")
        await go.call("DELETE", "image", f"images/{image}")


async def refreshed(go: GoClient, path: str, flavor: str, tags: list[str]) -> None:
    """What each plan reads of a server."""
    server = (await go.call("GET", "compute", path, ok=(200, 203)))["server"]
    assert (server["flavor"]["id"], server["image"]) == (flavor, "")
    assert (await go.call("GET", "compute", f"flavors/{flavor}"))["flavor"]["id"] == flavor
    assert (await go.call("GET", "compute", f"{path}/tags", version="2.26"))["tags"] == tags
    assert (await go.call("GET", "compute", f"{path}/metadata"))["metadata"] == server["metadata"]


async def changed(go: GoClient, path: str, flavor: str) -> None:
    """A name, metadata, tags, a stop and a start, and another flavor."""
    await go.call("PUT", "compute", path, {"server": {"name": "tf-2"}}, ok=(200,))
    await go.call("DELETE", "compute", f"{path}/metadata/a")
    await go.call("POST", "compute", f"{path}/metadata", {"metadata": {"c": "d"}}, ok=(200,))
    await go.call("PUT", "compute", f"{path}/tags", {"tags": ["new"]}, ok=(200,), version="2.26")
    await act(go, "compute", path, {"os-stop": None})
    await go.becomes("compute", path, "server", "SHUTOFF")
    await act(go, "compute", path, {"os-start": None})
    await go.becomes("compute", path, "server", "ACTIVE")
    await act(go, "compute", path, {"resize": {"flavorRef": flavor}})
    await go.becomes("compute", path, "server", "VERIFY_RESIZE")
    await act(go, "compute", path, {"confirmResize": None})
    server = await go.becomes("compute", path, "server", "ACTIVE")
    assert (server["name"], server["metadata"]) == ("tf-2", {"c": "d"})


async def patched(go: GoClient, image: str) -> None:
    """All that an update may change, in one request."""
    new = {"name": "tf-2", "tags": ["a", "b"], "protected": False, "os_hidden": False, "min_disk": 1, "min_ram": 8}
    changes: list[dict[str, Any]] = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in new.items()]
    changes += [{"op": "add", "path": "/os_distro", "value": "debian"}, {"op": "remove", "path": "/hw_disk_bus"}]
    changes += [{"op": "replace", "path": "/visibility", "value": "private"}]
    found = await go.call("PATCH", "image", f"images/{image}", changes, ok=(200,), content_type=PATCH)
    assert {**found, "tags": sorted(found["tags"])}.items() >= {**new, "os_distro": "debian"}.items()
    assert "hw_disk_bus" not in found


@pytest.mark.parametrize("by_name", [False, True])
async def test_kubernetes_provides_volumes_with_an_application_credential(cloud: TestCloud, by_name: bool) -> None:
    """A claim of a pod: provisioned, published, grown while in use, snapshot, restored, and all of it deleted."""
    async with aiohttp.ClientSession() as session:
        go = await by_application_credential(session, cloud, f"csi-{by_name}", by_name)
        name = f"pvc-{by_name}"
        root = await a_volume(go, name=f"node-{by_name}", imageRef=await an_image(go, "node"))
        node = await a_server(go, f"node-{by_name}", (await flavors(go))["m1.tiny"], root)
        listed = f"volumes/detail?name={name}"
        assert (await go.call("GET", "block-storage", listed, version="3.34"))["volumes"] == []
        claim = {"name": name, "availability_zone": "nova", "metadata": {"cinder.csi.openstack.org/cluster": "k8s"}}
        volume = await a_volume(go, **claim)
        path = f"volumes/{volume}"
        found = (await go.call("GET", "block-storage", listed, version="3.34"))["volumes"]
        assert [each["id"] for each in found] == [volume]
        await attached(go, node, volume)
        (place,) = (await go.call("GET", "block-storage", path))["volume"]["attachments"]
        assert (place["server_id"], place["device"]) == (node, "/dev/sdb"), "the bus of the root disk"
        await act(go, "block-storage", path, {"os-extend": {"new_size": 2}}, ok=(202,), version="3.42")
        assert (await go.becomes("block-storage", path, "volume", "in-use"))["size"] == 2
        restored = await snapshot_and_restored(go, volume, by_name)
        await paged(go)
        await go.call("DELETE", "compute", f"servers/{node}/os-volume_attachments/{volume}")
        await go.becomes("block-storage", path, "volume", "available")
        await go.call("DELETE", "compute", f"servers/{node}")
        await go.is_gone("compute", f"servers/{node}")
        for each in (restored, volume, root):
            await go.becomes("block-storage", f"volumes/{each}", "volume", "available")
            await go.call("DELETE", "block-storage", f"volumes/{each}")
            await go.is_gone("block-storage", f"volumes/{each}")


async def snapshot_and_restored(go: GoClient, volume: str, by_name: bool) -> str:
    """A snapshot of a volume in use, found by its name, and a volume of it."""
    wish = {"name": f"snapshot-{by_name}", "volume_id": volume, "force": True, "description": "by the driver"}
    body = {"snapshot": {**wish, "metadata": {"cinder.csi.openstack.org/cluster": "k8s"}}}
    made = (await go.call("POST", "block-storage", "snapshots", body, ok=(202,)))["snapshot"]["id"]
    found = await go.becomes("block-storage", f"snapshots/{made}", "snapshot", "available")
    assert found["metadata"] == body["snapshot"]["metadata"]
    listed = await go.call("GET", "block-storage", f"snapshots?name={wish['name']}&status=available&volume_id={volume}")
    assert [each["id"] for each in listed["snapshots"]] == [made]
    restored = await a_volume(go, name=f"restored-{by_name}", snapshot_id=made, size=2)
    await go.call("DELETE", "block-storage", f"snapshots/{made}")
    await go.is_gone("block-storage", f"snapshots/{made}")
    return restored


async def paged(go: GoClient) -> None:
    """ListVolumes with a limit: page after page, by marker, and by the links."""
    seen, marker = [], ""
    while found := await go.call("GET", "block-storage", f"volumes/detail?limit=1{marker}"):
        if not found["volumes"]:
            break
        seen += [each["id"] for each in found["volumes"]]
        links = [each["href"] for each in found.get("volumes_links", ()) if each["rel"] == "next"]
        assert all(href.startswith(go.endpoints["block-storage"]) for href in links)
        marker = f"&marker={seen[-1]}"
    assert len(seen) == len(set(seen)) >= 3
