"""Who may do what with whose volume: every call of the volume API by five roles, as a real Cinder 29 answers them."""

from typing import Any
from uuid import uuid4

import pytest

from support.builders.images import an_image
from support.builders.servers import TINY_FLAVOR, a_server
from support.cloud import ASharedCloud
from support.isolation import CANARY, Row, Stage, calls_without_a_row, check, check_nobody, dump_of, roles_of, table

ROWS = table("volume")
NONE = "00000000-0000-4000-8000-000000000000"
NEW = {"OpenStack-API-Version": "volume 3.70"}
CONNECTOR = {"host": "client", "initiator": "iqn.2026-01.org.example:client", "ip": "192.0.2.1", "platform": "x86_64"}
ENCRYPTION = {"provider": "luks", "control_location": "front-end", "cipher": "aes", "key_size": 256}
UPLOAD = {"image_name": "taken", "disk_format": "raw", "container_format": "bare"}
BOTH = "volume_types"


def creating(**fields: Any) -> dict[str, Any]:
    return {"volume": {"size": 1, "name": CANARY, **fields}}


VOLUME_ACTIONS: dict[str, Any] = {
    "os-set_image_metadata": {"metadata": {"a": "b"}},
    "os-unset_image_metadata": {"key": "note"},
    "os-volume_upload_image": UPLOAD,
    "os-extend": {"new_size": 2},
    "os-set_bootable": {"bootable": True},
    "os-update_readonly_flag": {"readonly": False},
    "os-reset_status": {"status": "available"},
    "os-force_detach": {"attachment_id": NONE},
    "os-reimage": {"image_id": "{public}"},
    "os-retype": {"new_type": "{other_type}", "migration_policy": "never"},
    "os-migrate_volume": {"host": "nowhere"},
    "os-migrate_volume_completion": {"new_volume": NONE},
    "revert": {"snapshot_id": "{of_snapped}"},
    "os-extend_volume_completion": {"error": False},
    "os-attach": {"instance_uuid": NONE, "mountpoint": "/dev/vdc"},
    "os-detach": {},
    "os-initialize_connection": {"connector": CONNECTOR},
    "os-terminate_connection": {"connector": CONNECTOR},
}
BODIES: dict[str, Any] = {
    "POST /volumes": creating(),
    "POST /volumes of-anothers-image": creating(imageRef="{image}"),
    "POST /volumes of-anothers-snapshot": creating(snapshot_id="{snapshot}"),
    "POST /volumes of-anothers-volume": creating(source_volid="{volume}"),
    "POST /volumes of-anothers-backup": creating(backup_id="{backup}"),
    "POST /volumes in-anothers-group": creating(group_id="{joined_group}", volume_type="{type}"),
    "POST /volumes of-a-private-type": creating(volume_type="{private_type}"),
    "PUT /volumes/{volume}": {"volume": {"name": CANARY}},
    "POST /volumes/{volume}/action unset-missing": {"os-unset_image_metadata": {"key": "missing"}},
    "POST /volumes/{volume}/action upload-public": {"os-volume_upload_image": UPLOAD | {"visibility": "public"}},
    "POST /snapshots": {"snapshot": {"volume_id": "{volume}", "name": CANARY}},
    "PUT /snapshots/{snapshot}": {"snapshot": {"name": CANARY}},
    "POST /snapshots/{snapshot}/action os-reset_status": {"os-reset_status": {"status": "available"}},
    "POST /snapshots/{snapshot}/action os-force_delete": {"os-force_delete": {}},
    "POST /snapshots/{snapshot}/action os-update_snapshot_status": {
        "os-update_snapshot_status": {"status": "available"}
    },
    "POST /snapshots/{snapshot}/action os-unmanage": {"os-unmanage": None},
    "POST /attachments": {"attachment": {"volume_uuid": "{volume}"}},
    "PUT /attachments/{attachment}": {"attachment": {"connector": CONNECTOR}},
    "POST /attachments/{connected}/action os-complete": {"os-complete": None},
    "POST /types": {"volume_type": {"name": "{unique}"}},
    "PUT /types/{private_type}": {"volume_type": {"description": "a"}},
    "POST /types/{private_type}/action addProjectAccess": {"addProjectAccess": {"project": NONE}},
    "POST /types/{private_type}/action removeProjectAccess": {"removeProjectAccess": {"project": NONE[:-1] + "1"}},
    "POST /types/{private_type}/extra_specs": {"extra_specs": {"a": "b"}},
    "PUT /types/{private_type}/extra_specs/a": {"a": "b"},
    "POST /types/{private_type}/encryption": {"encryption": ENCRYPTION},
    "PUT /types/{encrypted_type}/encryption/{encryption}": {"encryption": {"key_size": 128}},
    "POST /qos-specs": {"qos_specs": {"name": "{unique}"}},
    "PUT /qos-specs/{qos}": {"qos_specs": {"a": "b"}},
    "PUT /qos-specs/{qos}/delete_keys": {"keys": ["note"]},
    "PUT /os-quota-class-sets/other": {"quota_class_set": {"volumes": 7}},
    "PUT /default-types/{project}": {"default_type": {"volume_type": "{type}"}},
    "POST /backups": {"backup": {"volume_id": "{volume}", "name": CANARY}},
    "PUT /backups/{backup}": {"backup": {"name": CANARY}},
    "POST /backups/{backup}/action os-reset_status": {"os-reset_status": {"status": "available"}},
    "POST /backups/{backup}/action os-force_delete": {"os-force_delete": {}},
    "POST /backups/import_record": {"backup-record": {"backup_service": "nothing", "backup_url": "bm90aGluZw=="}},
    "POST /backups/{backup}/restore": {"restore": {"name": CANARY}},
    "POST /backups/{backup}/restore over": {"restore": {"volume_id": "{volume}"}},
    "POST /group_types": {"group_type": {"name": "{unique}"}},
    "PUT /group_types/{group_type}": {"group_type": {"description": "a"}},
    "POST /group_types/{free_group_type}/group_specs": {"group_specs": {"a": "b"}},
    "PUT /group_types/{free_group_type}/group_specs/a": {"a": "b"},
    "POST /groups": {"group": {"name": CANARY, "group_type": "{group_type}", BOTH: ["{type}"]}},
    "POST /groups/action of-anothers-group": {"create-from-src": {"name": CANARY, "source_group_id": "{group}"}},
    "POST /groups/action of-anothers-snapshot": {
        "create-from-src": {"name": CANARY, "group_snapshot_id": "{group_snapshot}"}
    },
    "PUT /groups/{group}": {"group": {"description": "{unique}"}},
    "POST /groups/{group}/action reset_status": {"reset_status": {"status": "available"}},
    "POST /groups/{free_group}/action delete": {"delete": {"delete-volumes": False}},
    "POST /group_snapshots": {"group_snapshot": {"group_id": "{group}", "name": CANARY}},
    "PUT /group_snapshots/{group_snapshot}": {"group_snapshot": {"name": "a"}},
    "POST /group_snapshots/{group_snapshot}/action reset_status": {"reset_status": {"status": "available"}},
    "POST /consistencygroups": {"consistencygroup": {"name": CANARY, BOTH: "{type}"}},
    "PUT /consistencygroups/{nothing}/update": {"consistencygroup": {"name": "a"}},
    "POST /consistencygroups/{nothing}/delete": {"consistencygroup": {"force": False}},
    "POST /cgsnapshots": {"cgsnapshot": {"consistencygroup_id": "{nothing}"}},
    "PUT /clusters/enable": {"name": "none"},
    "PUT /clusters/disable": {"name": "none"},
    "POST /volume-transfers": {"transfer": {"volume_id": "{volume}", "name": CANARY}},
    "POST /os-volume-transfer": {"transfer": {"volume_id": "{volume}", "name": CANARY}},
    "POST /os-volume-transfer/{transfer}/accept": {"accept": {"auth_key": "{auth_key}"}},
    "POST /os-snapshot-manage": {"snapshot": {"volume_id": "{volume}", "ref": {"source-name": "nothing"}}},
    "PUT /consistencygroups/{nothing}": {"consistencygroup": {"name": "a"}},
    "POST /consistencygroups/create_from_src": {"consistencygroup-from-src": {"source_cgid": "{nothing}"}},
    "POST /volume-transfers/{transfer}/accept": {"accept": {"auth_key": "{auth_key}"}},
    "POST /volume-transfers/{transfer}/accept with-a-wrong-key": {"accept": {"auth_key": "wrong"}},
    "POST /manageable_volumes": {"volume": {"host": "{host}", "ref": {"source-name": "nothing"}}},
    "POST /manageable_snapshots": {"snapshot": {"volume_id": "{volume}", "ref": {"source-name": "nothing"}}},
    "POST /os-volume-manage": {"volume": {"host": "{host}", "ref": {"source-name": "nothing"}}},
    "PUT /os-quota-sets/{project}": {"quota_set": {"volumes": -1}},
}
SERVICE = {"binary": "cinder-volume", "host": "nowhere"}
for row in ROWS:
    words, last = row.call.split(), row.call.split()[-1]
    if row.call not in BODIES and row.method != "GET" and len(words) == 3:
        BODIES[row.call] = {last: VOLUME_ACTIONS.get(last)}
    if "/os-services/" in row.call:
        BODIES[row.call] = SERVICE | ({"disabled_reason": "a"} if "reason" in row.call else {})
    if last in ("/os-services/freeze", "/os-services/thaw", "/os-services/failover", "/os-services/failover_host"):
        BODIES[row.call] = {"host": "nowhere"}
    if row.call.split("/", 2)[-1].endswith("}/metadata") and row.method != "GET":
        BODIES[row.call] = {"metadata": {"note": CANARY}}
    if row.call.endswith("/metadata/a"):
        BODIES[row.call] = {"meta": {"a": "b"}}

AVAILABLE = ["volume", "imaged", "snapped", "snapshot", "of_snapped", "backup", "group", "group_snapshot", "free_group"]
STATUS = {**dict.fromkeys(AVAILABLE, "available"), "used": "in-use"}
"""What it is as long as nobody has changed it."""
ATTACH_STATUS = {"attachment": "reserved", "connected": "attaching", "of_a_server": "attached"}
FOLDERS = {
    **dict.fromkeys(["volume", "imaged", "snapped", "used"], "volumes"),
    **dict.fromkeys(["snapshot", "of_snapped"], "snapshots"),
    **dict.fromkeys(ATTACH_STATUS, "attachments"),
    **dict.fromkeys(["group", "free_group"], "groups"),
    "backup": "backups",
    "group_snapshot": "group_snapshots",
    "transfer": "volume-transfers",
}


async def as_wished(stage: Stage, name: str, thing: str) -> bool:
    """Whether it is still there, in the status that it was made in."""
    if name in ("private_type", "other_type"):
        return False
    if name not in FOLDERS:
        return True
    found = await stage.send(stage.roles["adm"], "GET", f"/{FOLDERS[name]}/{thing}", version="3.70")
    if found.status == 404:
        return False
    shown = next(iter(found.ok(200).json.values()))
    if name == "volume" and shown["size"] > 1:
        return False
    if name == "imaged" and "note" not in shown.get("volume_image_metadata", {}):
        return False
    wished = STATUS.get(name) or ATTACH_STATUS.get(name)
    return wished is None or shown["status"] == wished


# ---- what the calls are about


async def made(stage: Stage, path: str, key: str = "id", role: str = "own", **body: Any) -> str:
    """The id of what a POST makes."""
    answer = await stage.roles[role].post("volume", stage.prefix + path, json=body, headers=NEW)
    root = next(iter(answer.ok(200, 202).json.values()))
    await stage.cloud.settle()
    return str(root[key])


async def a_volume(stage: Stage, **fields: Any) -> str:
    volume = {"size": 1, "name": CANARY, "metadata": {"note": CANARY}, **fields}
    return await made(stage, "/volumes", volume=volume)


async def an_imaged_volume(stage: Stage) -> str:
    volume = await a_volume(stage)
    await acted(stage, volume, "os-set_image_metadata", {"metadata": {"note": CANARY}})
    return volume


async def acted(stage: Stage, volume: str, action: str, value: Any) -> None:
    path = f"{stage.prefix}/volumes/{volume}/action"
    (await stage.roles["own"].post("volume", path, json={action: value}, headers=NEW)).ok(200, 202)
    await stage.cloud.settle()


async def a_used_volume(stage: Stage) -> str:
    volume = await a_volume(stage)
    await acted(stage, volume, "os-attach", {"instance_uuid": str(uuid4()), "mountpoint": "/dev/vdc"})
    return volume


async def a_snapshot(stage: Stage) -> str:
    return await snapshot_of(stage, await a_volume(stage))


async def snapshot_of(stage: Stage, volume: str) -> str:
    snapshot = {"volume_id": volume, "name": CANARY, "metadata": {"note": CANARY}}
    return await made(stage, "/snapshots", snapshot=snapshot)


async def a_snapped_volume(stage: Stage) -> str:
    volume = await a_volume(stage)
    stage.made["of_snapped", ""] = await snapshot_of(stage, volume)
    return volume


async def the_snapshot(stage: Stage) -> str:
    await stage.thing("snapped")
    return stage.made["of_snapped", ""]


async def an_attachment(stage: Stage) -> str:
    return await made(stage, "/attachments", attachment={"volume_uuid": await a_volume(stage)})


async def a_connected_attachment(stage: Stage) -> str:
    volume = await a_volume(stage)
    return await made(stage, "/attachments", attachment={"volume_uuid": volume, "connector": CONNECTOR})


async def an_attachment_of_a_server(stage: Stage) -> str:
    own = stage.roles["own"]
    volume = await a_volume(stage)
    server = await a_server(stage.cloud, own, imageRef=await stage.thing("public"), flavorRef=TINY_FLAVOR)
    body = {"volumeAttachment": {"volumeId": volume}}
    (await own.post("compute", f"/v2.1/servers/{server}/os-volume_attachments", json=body)).ok(200)
    await stage.cloud.settle()
    found = await stage.send(own, "GET", f"/attachments?volume_id={volume}", version="3.70")
    return str(found.ok(200).json["attachments"][0]["id"])


async def a_public_image(stage: Stage) -> str:
    return await an_image(stage.roles["adm"], visibility="public")


async def a_private_image(stage: Stage) -> str:
    return await an_image(stage.roles["own"], name=CANARY)


async def a_type(stage: Stage) -> str:
    found = await stage.send(stage.roles["own"], "GET", "/types/default")
    return str(found.ok(200).json["volume_type"]["id"])


async def another_type(stage: Stage) -> str:
    return await made(stage, "/types", role="adm", volume_type={"name": str(uuid4())})


async def a_private_type(stage: Stage) -> str:
    wish = {"name": str(uuid4()), "os-volume-type-access:is_public": False, "extra_specs": {"a": CANARY}}
    return await made(stage, "/types", role="adm", volume_type=wish)


async def an_encrypted_type(stage: Stage) -> str:
    volume_type = await a_private_type(stage)
    path = f"/types/{volume_type}/encryption"
    stage.made["encryption", ""] = await made(stage, path, "encryption_id", role="adm", encryption=ENCRYPTION)
    return volume_type


async def the_encryption(stage: Stage) -> str:
    await stage.thing("encrypted_type")
    return stage.made["encryption", ""]


async def a_qos(stage: Stage) -> str:
    return await made(stage, "/qos-specs", role="adm", qos_specs={"name": str(uuid4()), "note": CANARY})


async def a_backup(stage: Stage) -> str:
    return await made(stage, "/backups", backup={"volume_id": await a_volume(stage), "name": CANARY})


async def a_group_type(stage: Stage) -> str:
    return await made(stage, "/group_types", role="adm", group_type={"name": str(uuid4())})


async def a_group_type_with_specs(stage: Stage) -> str:
    wish = {"name": str(uuid4()), "group_specs": {"a": CANARY}}
    return await made(stage, "/group_types", role="adm", group_type=wish)


async def a_group(stage: Stage) -> str:
    group = await a_group_without_volumes(stage)
    await a_volume(stage, group_id=group, volume_type=await stage.thing("type"))
    return group


async def a_group_without_volumes(stage: Stage) -> str:
    kinds = {"group_type": await stage.thing("group_type"), BOTH: [await stage.thing("type")]}
    return await made(stage, "/groups", group={"name": CANARY, **kinds})


async def a_group_snapshot(stage: Stage) -> str:
    group = await stage.thing("group")
    return await made(stage, "/group_snapshots", group_snapshot={"group_id": group, "name": CANARY})


async def a_transfer(stage: Stage) -> str:
    body = {"transfer": {"volume_id": await a_volume(stage), "name": CANARY}}
    answer = await stage.roles["own"].post("volume", f"{stage.prefix}/volume-transfers", json=body, headers=NEW)
    transfer = answer.ok(202).json["transfer"]
    stage.made["auth_key", ""] = transfer["auth_key"]
    return str(transfer["id"])


async def the_key(stage: Stage) -> str:
    await stage.thing("transfer")
    return stage.made["auth_key", ""]


async def a_message(stage: Stage) -> str:
    """That there was no room for a volume."""
    await made(stage, "/volumes", volume={"size": 2**20, "name": CANARY})
    found = await stage.send(stage.roles["own"], "GET", "/messages", version="3.70")
    return str(found.ok(200).json["messages"][0]["id"])


async def a_host(stage: Stage) -> str:
    found = await stage.send(stage.roles["adm"], "GET", "/scheduler-stats/get_pools")
    return str(found.ok(200).json["pools"][0]["name"])


async def the_project(stage: Stage) -> str:
    return stage.roles["own"].project_id


async def nothing(stage: Stage) -> str:
    return NONE


MAKERS = {
    "volume": a_volume,
    "imaged": an_imaged_volume,
    "used": a_used_volume,
    "snapped": a_snapped_volume,
    "of_snapped": the_snapshot,
    "snapshot": a_snapshot,
    "attachment": an_attachment,
    "connected": a_connected_attachment,
    "of_a_server": an_attachment_of_a_server,
    "image": a_private_image,
    "public": a_public_image,
    "type": a_type,
    "other_type": another_type,
    "private_type": a_private_type,
    "encrypted_type": an_encrypted_type,
    "encryption": the_encryption,
    "qos": a_qos,
    "backup": a_backup,
    "group_type": a_group_type,
    "free_group_type": a_group_type_with_specs,
    "group": a_group,
    "free_group": a_group_without_volumes,
    "joined_group": a_group_without_volumes,
    "group_snapshot": a_group_snapshot,
    "transfer": a_transfer,
    "auth_key": the_key,
    "message": a_message,
    "host": a_host,
    "project": the_project,
    "nothing": nothing,
}
BY_STATE: set[str] = set()


@pytest.fixture(scope="module")
async def stage(a_shared_cloud: ASharedCloud) -> Stage:
    cloud = await a_shared_cloud(settings={"image": {"image_size_cap": 2**20}})  # uploads are accepted, and end soon
    roles = await roles_of(cloud)
    limited = ["volumes", "snapshots", "gigabytes", "backups", "backup_gigabytes", "groups"]
    limits = {"quota_set": dict.fromkeys(limited, -1)}
    for role in ("own", "oth", "adm"):
        path = f"/v3/{{project_id}}/os-quota-sets/{roles[role].project_id}"
        (await roles["adm"].put("volume", path, json=limits)).ok(200)
    return Stage(cloud, "volume", "/v3/{project_id}", roles, BODIES, MAKERS, as_wished, BY_STATE)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_who_may_do_what(stage: Stage, row: Row) -> None:
    await check(stage, row, dump_of(stage.cloud, "volume"))


async def test_nobody_gets_nothing(stage: Stage) -> None:
    await check_nobody(stage, ROWS)


async def test_no_call_is_forgotten(stage: Stage) -> None:
    app = stage.cloud.cloud.services["volume"]._app
    assert calls_without_a_row(app, "/v3", ROWS) == []
