"""Who may do what with whose server: every call of the compute API by five roles, as a real Nova 34 answers them."""

from typing import Any
from uuid import uuid4

import pytest

from support.builders.images import an_image
from support.builders.servers import SMALL_FLAVOR, TINY_FLAVOR, server_action
from support.cloud import ASharedCloud
from support.isolation import CANARY, Row, Stage, calls_without_a_row, check, check_nobody, dump_of, roles_of, table

ROWS = table("compute")
NONE = "00000000-0000-4000-8000-000000000000"
VOLUMES, SNAPSHOTS = "/v3/{project_id}/volumes", "/v3/{project_id}/snapshots"
A_SERVER = {"name": CANARY, "flavorRef": "{flavor}", "networks": "none"}
ACTIONS: dict[str, Any] = {
    "createImage": {"name": "taken"},
    "createBackup": {"name": "kept", "backup_type": "daily", "rotation": 1},
    "rebuild": {"imageRef": "{public}"},
    "resize": {"flavorRef": "{small}"},
    "evacuate": {},
    "os-migrateLive": {"host": None, "block_migration": "auto"},
    "reboot": {"type": "HARD"},
    "os-resetState": {"state": "active"},
    "changePassword": {"adminPass": "another"},
    "os-getConsoleOutput": {},
    "os-getVNCConsole": {"type": "novnc"},
    "os-getSPICEConsole": {"type": "spice-html5"},
    "os-getSerialConsole": {"type": "serial"},
}


def creating(**fields: Any) -> dict[str, Any]:
    hints = fields.pop("hints", None)
    return {"server": A_SERVER | fields, **({"os:scheduler_hints": hints} if hints else {})}


def booting(source: str, thing: str) -> dict[str, Any]:
    device = {"source_type": source, "uuid": thing, "destination_type": "volume", "boot_index": 0, "volume_size": 1}
    return creating(block_device_mapping_v2=[device])


BODIES: dict[str, Any] = {
    "POST /servers": creating(imageRef="{public}"),
    "POST /servers on-a-host": creating(imageRef="{public}", availability_zone="nova:{host}"),
    "POST /servers of-an-unseen-image": creating(imageRef="{image}"),
    "POST /servers of-anothers-volume": booting("volume", "{bootable}"),
    "POST /servers of-anothers-snapshot": booting("snapshot", "{bootable_snapshot}"),
    "POST /servers with-anothers-keypair": creating(imageRef="{public}", key_name="{keypair}"),
    "POST /servers in-anothers-group": creating(imageRef="{public}", hints={"group": "{group}"}),
    "POST /servers of-a-private-flavor": creating(imageRef="{public}", flavorRef="{private_flavor}"),
    "POST /os-volumes_boot": {"server": {"name": CANARY, "flavorRef": "{flavor}", "imageRef": "{public}"}},
    "PUT /os-volumes_boot/{server}": {"server": {"name": CANARY}},
    "POST /os-volumes_boot/{server}/action": {"reboot": {"type": "HARD"}},
    "PUT /servers/{server}": {"server": {"name": CANARY}},
    "POST /servers/{server}/action rebuild-unseen": {"rebuild": {"imageRef": "{image}"}},
    "POST /servers/{server}/action resize-private": {"resize": {"flavorRef": "{private_flavor}"}},
    "POST /servers/{server}/remote-consoles": {"remote_console": {"protocol": "vnc", "type": "novnc"}},
    "POST /servers/{server}/migrations/1/action": {"force_complete": None},
    "POST /servers/{server}/metadata": {"metadata": {"a": "b"}},
    "PUT /servers/{server}/metadata": {"metadata": {"note": CANARY}},
    "PUT /servers/{server}/metadata/a": {"meta": {"a": "b"}},
    "PUT /servers/{server}/tags": {"tags": ["kept", "another"]},
    "POST /servers/{server}/os-volume_attachments": {"volumeAttachment": {"volumeId": "{volume}"}},
    "PUT /servers/{server}/os-volume_attachments/{attached}": {
        "volumeAttachment": {"volumeId": "{attached}", "delete_on_termination": True}
    },
    "PUT /servers/{server}/os-volume_attachments/{attached} swap": {"volumeAttachment": {"volumeId": "{volume}"}},
    "POST /flavors": {"flavor": {"name": "{unique}", "ram": 1, "vcpus": 1, "disk": 1}},
    "PUT /flavors/{private_flavor}": {"flavor": {"description": "a"}},
    "POST /flavors/{private_flavor}/action addTenantAccess": {"addTenantAccess": {"tenant": "{project}"}},
    "POST /flavors/{private_flavor}/action removeTenantAccess": {"removeTenantAccess": {"tenant": "nobody"}},
    "POST /flavors/{private_flavor}/os-extra_specs": {"extra_specs": {"a": "b"}},
    "PUT /flavors/{private_flavor}/os-extra_specs/a": {"a": "b"},
    "POST /os-keypairs": {"keypair": {"name": "{unique}"}},
    "PUT /os-quota-sets/{project}": {"quota_set": {"cores": -1}},
    "PUT /os-quota-class-sets/other": {"quota_class_set": {"cores": 7}},
    "PUT /os-hosts/nowhere": {"status": "enable"},
    "POST /os-server-external-events": {"events": [{"name": "network-changed", "server_uuid": "{server}"}]},
    "POST /os-aggregates": {"aggregate": {"name": "{unique}"}},
    "PUT /os-aggregates/{aggregate}": {"aggregate": {"name": "{unique}"}},
    "POST /os-aggregates/{aggregate}/action set_metadata": {"set_metadata": {"metadata": {"a": "b"}}},
    "POST /os-aggregates/{aggregate}/action add_host": {"add_host": {"host": "nowhere"}},
    "POST /os-aggregates/{aggregate}/action remove_host": {"remove_host": {"host": "nowhere"}},
    "POST /os-aggregates/{aggregate}/images": {"cache": [{"id": "{public}"}]},
    "POST /os-server-groups": {"server_group": {"name": "a", "policy": "affinity"}},
    "PUT /os-services/{nothing}": {"status": "enabled"},
    "PUT /os-services/enable": {"host": "nowhere", "binary": "nova-compute"},
    "POST /images/{image}/metadata": {"metadata": {"a": "b"}},
    "PUT /images/{image}/metadata": {"metadata": {"note": CANARY}},
    "PUT /images/{image}/metadata/a": {"meta": {"a": "b"}},
    "POST /os-volumes": {"volume": {"size": 1}},
    "POST /os-snapshots": {"snapshot": {"volume_id": "{volume}", "force": True}},
}
for row in ROWS:
    if row.call.startswith("POST /servers/{server}/action ") and row.call not in BODIES:
        name = row.call.split()[-1]
        BODIES[row.call] = {name: ACTIONS.get(name)}

STEPS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "active": [],
    "attached": [],
    "busy": [],
    "stopped": [("own", {"os-stop": None})],
    "paused": [("own", {"pause": None})],
    "suspended": [("own", {"suspend": None})],
    "rescued": [("own", {"rescue": None})],
    "shelved": [("own", {"shelve": None})],
    "resized": [("own", {"resize": {"flavorRef": "{small}"}})],
    "locked": [("adm", {"lock": None})],
}
"""From a new server to each state."""
STATUS = {
    "stopped": "SHUTOFF",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "rescued": "RESCUE",
    "resized": "VERIFY_RESIZE",
}


# ---- what the calls are about


async def a_server(stage: Stage) -> str:
    own = stage.roles["own"]
    fields = {"imageRef": await stage.thing("public"), "metadata": {"note": CANARY}, "tags": ["kept"]}
    body = {"server": A_SERVER | {"flavorRef": await stage.thing("flavor"), **fields}}
    headers = {"OpenStack-API-Version": "compute 2.93"}
    made = (await own.post("compute", f"{stage.prefix}/servers", json=body, headers=headers)).ok(202)
    server = str(made.json["server"]["id"])
    await stage.cloud.settle()
    for role, action in STEPS[stage.state]:
        filled = await stage.filled_json(action)
        (await server_action(stage.roles[role], server, **filled)).ok(200, 202)
        await stage.cloud.settle()
    if stage.state == "busy":
        await stage.cloud.rows("compute", "UPDATE instances SET task_state = 'powering-off' WHERE uuid = $1", server)
    assert await as_wished(stage, "server", server)
    return server


async def as_wished(stage: Stage, name: str, thing: str) -> bool:
    """Whether the state of a server, or of a volume, is still the one it was made for."""
    admin, headers = stage.roles["adm"], {"OpenStack-API-Version": "compute 2.93"}
    if name in ("volume", "bootable"):
        found = await stage.roles["own"].get("volume", f"{VOLUMES}/{thing}")
        return found.status == 200 and found.json["volume"]["status"] == "available"
    if name == "private_flavor":
        found = await admin.get("compute", f"{stage.prefix}/flavors/{thing}/os-flavor-access")
        return found.status == 200 and found.json == {"flavor_access": []}
    if name != "server":
        return True
    found = await admin.get("compute", f"{stage.prefix}/servers/{thing}", headers=headers)
    if found.status == 404:
        return False
    server, state = found.json["server"], stage.state
    statuses = {"SHELVED", "SHELVED_OFFLOADED"} if state == "shelved" else {STATUS.get(state, "ACTIVE"), "REBOOT"}
    task = bool(server["OS-EXT-STS:task_state"])
    return server["status"] in statuses and server["locked"] == (state == "locked") and task == (state == "busy")


async def an_attached_volume(stage: Stage) -> str:
    server, volume = await stage.thing("server"), await a_volume(stage)
    body = {"volumeAttachment": {"volumeId": volume}}
    path = f"{stage.prefix}/servers/{server}/os-volume_attachments"
    (await stage.roles["own"].post("compute", path, json=body)).ok(200)
    await stage.cloud.settle()
    return volume


async def a_volume(stage: Stage, **fields: Any) -> str:
    body = {"volume": {"size": 1, "name": CANARY, **fields}}
    made = (await stage.roles["own"].post("volume", VOLUMES, json=body)).ok(202)
    await stage.cloud.settle()
    return str(made.json["volume"]["id"])


async def a_bootable_volume(stage: Stage) -> str:
    return await a_volume(stage, imageRef=await stage.thing("public"))


async def a_snapshot(stage: Stage, of: str = "volume") -> str:
    body = {"snapshot": {"volume_id": await stage.thing(of), "name": CANARY}}
    made = (await stage.roles["own"].post("volume", SNAPSHOTS, json=body)).ok(202)
    await stage.cloud.settle()
    return str(made.json["snapshot"]["id"])


async def a_bootable_snapshot(stage: Stage) -> str:
    return await a_snapshot(stage, "bootable")


async def made(stage: Stage, role: str, path: str, key: str = "id", **body: Any) -> str:
    """The id of what a POST makes."""
    headers = {"OpenStack-API-Version": "compute 2.64"}
    answer = await stage.roles[role].post("compute", stage.prefix + path, json=body, headers=headers)
    (root,) = answer.ok(200, 201).json.values()
    return str(root[key])


async def a_private_flavor(stage: Stage) -> str:
    wish = {"name": str(uuid4()), "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}
    flavor = await made(stage, "adm", "/flavors", flavor=wish)
    path = f"{stage.prefix}/flavors/{flavor}/os-extra_specs"
    (await stage.roles["adm"].post("compute", path, json={"extra_specs": {"a": CANARY}})).ok(200)
    return flavor


async def a_flavor(stage: Stage) -> str:
    return TINY_FLAVOR


async def another_flavor(stage: Stage) -> str:
    return SMALL_FLAVOR


async def a_keypair(stage: Stage) -> str:
    return await made(stage, "own", "/os-keypairs", "name", keypair={"name": str(uuid4()), "type": "ssh"})


async def the_user(stage: Stage) -> str:
    return await made(stage, "own", "/os-keypairs", "user_id", keypair={"name": str(uuid4()), "type": "ssh"})


async def a_group(stage: Stage) -> str:
    return await made(stage, "own", "/os-server-groups", server_group={"name": CANARY, "policy": "soft-affinity"})


async def an_aggregate(stage: Stage) -> str:
    return await made(stage, "adm", "/os-aggregates", aggregate={"name": str(uuid4())})


async def a_public_image(stage: Stage) -> str:
    return await an_image(stage.roles["adm"], visibility="public")


async def a_private_image(stage: Stage) -> str:
    return await an_image(stage.roles["own"], name=CANARY, note=CANARY)


async def a_token(stage: Stage) -> str:
    stage.state = "active"
    server = await stage.thing("server")
    stage.state = ""
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    url = await made(stage, "own", f"/servers/{server}/remote-consoles", "url", **body)
    return url.split("token%3D")[-1].split("token=")[-1]


async def a_request(stage: Stage) -> str:
    path = f"{stage.prefix}/servers/{await stage.thing('server')}/os-instance-actions"
    return str((await stage.roles["own"].get("compute", path)).ok(200).json["instanceActions"][0]["request_id"])


async def a_host(stage: Stage, key: str = "host") -> str:
    services = (await stage.roles["adm"].get("compute", f"{stage.prefix}/os-services")).ok(200).json["services"]
    return str(next(each["host"] for each in services if each["binary"] == "nova-compute"))


async def a_hypervisor(stage: Stage) -> str:
    headers = {"OpenStack-API-Version": "compute 2.87"}
    found = await stage.roles["adm"].get("compute", f"{stage.prefix}/os-hypervisors", headers=headers)
    return str(found.ok(200).json["hypervisors"][0]["id"])


async def the_project(stage: Stage) -> str:
    return stage.roles["own"].project_id


async def nothing(stage: Stage) -> str:
    return NONE


MAKERS = {
    "server": a_server,
    "attached": an_attached_volume,
    "volume": a_volume,
    "bootable": a_bootable_volume,
    "snapshot": a_snapshot,
    "bootable_snapshot": a_bootable_snapshot,
    "image": a_private_image,
    "public": a_public_image,
    "flavor": a_flavor,
    "small": another_flavor,
    "private_flavor": a_private_flavor,
    "keypair": a_keypair,
    "user": the_user,
    "group": a_group,
    "aggregate": an_aggregate,
    "token": a_token,
    "request": a_request,
    "host": a_host,
    "hypervisor": a_hypervisor,
    "project": the_project,
    "gone": nothing,
    "nothing": nothing,
}
BY_STATE = {"server", "attached", "request"}


@pytest.fixture(scope="module")
async def stage(a_shared_cloud: ASharedCloud) -> Stage:
    cloud = await a_shared_cloud(settings={"compute": {"shelved_offload_time": -1}})
    roles = await roles_of(cloud)
    lifted = {"compute": "cores instances ram key_pairs server_groups", "volume": "volumes snapshots gigabytes"}
    for role in ("own", "oth", "adm"):
        project = roles[role].project_id
        for service, prefix in (("compute", "/v2.1"), ("volume", "/v3/{project_id}")):
            limits = {"quota_set": dict.fromkeys(lifted[service].split(), -1)}
            (await roles["adm"].put(service, f"{prefix}/os-quota-sets/{project}", json=limits)).ok(200)
    return Stage(cloud, "compute", "/v2.1", roles, BODIES, MAKERS, as_wished, BY_STATE)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_who_may_do_what(stage: Stage, row: Row) -> None:
    await check(stage, row, dump_of(stage.cloud, "compute", "volume"))


async def test_nobody_gets_nothing(stage: Stage) -> None:
    await check_nobody(stage, ROWS)


async def test_no_call_is_forgotten(stage: Stage) -> None:
    app = stage.cloud.cloud.services["compute"]._app
    assert calls_without_a_row(app, "/v2.1", ROWS) == []
