"""What a compute service that died in the middle left, and what its next life makes of that."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from stackwire.compute.domain.states import ServerStates
from stackwire.contracts import compute_workers as calls
from stackwire.core.clock import Clock
from stackwire.core.context import RequestContext, system_context
from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import FaultRules
from stackwire.messaging.connect import connect
from stackwire.messaging.rpc import RpcClient
from support import invariants
from support.builders.images import a_queued_image, an_image
from support.builders.servers import SERVER_VERSION, a_server, finish_action, from_volume, get_server, request_server
from support.builders.volumes import a_volume
from support.cloud import TestCloud
from support.polling import until
from support.server_parts import host_services


@pytest.fixture
async def cloud(a_cloud) -> TestCloud:
    return await a_cloud()


async def boot_from_volume(cloud, client):
    volume_id = await a_volume(cloud, client, imageRef=await an_image(client))
    return volume_id, await a_server(cloud, client, block_device_mapping_v2=from_volume(volume_id))


async def left(cloud, server_id, **columns):
    """The server's row as a dead process left it."""
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, start=2))
    sql = f"UPDATE instances SET {assigned} WHERE uuid = $1 RETURNING id"
    assert await cloud.rows("compute", sql, server_id, *columns.values())


async def all_holds(cloud):
    await invariants.hold_in(cloud.database.admin_url, 15.0)


async def live_again(cloud):
    await cloud.cloud.restart("compute")
    await cloud.settle()


async def told(cloud, server_id, order):
    (row,) = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server_id)
    transport = await connect("memory", name="again", broker=cloud.cloud.broker)
    client = RpcClient(transport)
    (user,) = await cloud.rows("compute", "SELECT user_id, project_id FROM instances WHERE uuid = $1", server_id)
    ctx = RequestContext(user_id=user["user_id"], project_id=user["project_id"], roles=("member", "reader"))
    await client.cast(ctx, order({"nova_object.data": {"uuid": server_id}}), server=row["host"])
    await cloud.settle()
    await client.close()
    await transport.close()


async def test_a_build_that_a_dead_host_had_just_taken_up_is_in_error_with_a_fault(cloud):
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    await left(cloud, server_id, host=None, node=None, vm_state="building", task_state=None)
    await live_again(cloud)
    now = await get_server(demo, server_id)
    assert (now["status"], now["fault"]["code"]) == ("ERROR", 500)
    await all_holds(cloud)


async def test_a_build_on_a_volume_that_was_cut_off_gives_the_volume_back(cloud):
    demo = await cloud.http("demo")
    volume_id, server_id = await boot_from_volume(cloud, demo)
    await left(cloud, server_id, vm_state="building", task_state="spawning")
    await live_again(cloud)
    assert (await get_server(demo, server_id))["status"] == "ERROR"
    found = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert (found["status"], found["attachments"]) == ("available", [])
    await all_holds(cloud)


CUT_OFF = [
    ("active", "shelving", "ACTIVE"),
    ("shelved", "shelving_offloading", "SHELVED_OFFLOADED"),
    ("active", "rescuing", "ACTIVE"),
    ("rescued", "unrescuing", "ACTIVE"),
    ("stopped", "image_backup", "SHUTOFF"),
    ("active", "soft-deleting", "SOFT_DELETED"),
    ("soft-delete", "restoring", "ACTIVE"),
]
"""Where a server was put aside or brought back when its host died, and where it is after that."""


async def test_a_server_that_was_being_put_aside_or_brought_back_is_in_a_state_of_rest(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    servers = [await a_server(cloud, demo, imageRef=image_id) for _ in range(len(CUT_OFF) + 1)]
    for server_id, (vm_state, task_state, _) in zip(servers, CUT_OFF, strict=False):
        await left(cloud, server_id, vm_state=vm_state, task_state=task_state)
    nowhere = {"host": None, "node": None, "vm_state": "shelved_offloaded", "task_state": "unshelving"}
    await left(cloud, servers[-1], **nowhere, updated_at=datetime.now(UTC) - timedelta(minutes=2))
    await live_again(cloud)
    found = [(await get_server(demo, server_id))["status"] for server_id in servers]
    assert found == [*(status for *_, status in CUT_OFF), "SHELVED_OFFLOADED"]
    await all_holds(cloud)


def states_at_work():
    """Each task state, with a vm_state in which a server can be in it."""
    for task_state in sorted(ServerStates.states("task_state") - {None}):
        verb = next(verb for verb in ServerStates.verbs if task_state in (verb.to.get("task_state") or ()))
        vm_states = verb.to.get("vm_state") or verb.sources.get("vm_state") or {"active"}
        yield task_state, sorted(vm_states)[0]


async def test_a_server_in_any_task_state_can_be_deleted(cloud):
    """Whoever is at work on it, or died at it."""
    demo, admin, at_work = await cloud.http("demo"), await cloud.http("admin"), [*states_at_work()]
    quotas = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{demo.project_id}", json=quotas)).ok(200)
    wish = {"imageRef": await an_image(demo), "min_count": len(at_work) + 1, "max_count": len(at_work) + 1}
    (await request_server(demo, **wish)).ok(202)
    await cloud.settle()
    servers = [each["id"] for each in (await demo.get("compute", "/v2.1/servers")).ok(200).json["servers"]]
    for server_id, (task_state, vm_state) in zip(servers, at_work, strict=False):
        await left(cloud, server_id, vm_state=vm_state, task_state=task_state)
    for server_id in servers:
        (await demo.delete("compute", f"/v2.1/servers/{server_id}")).ok(204)
    await cloud.settle()
    remaining = "SELECT task_state FROM instances WHERE NOT deleted"
    states = {row["task_state"] for row in await cloud.rows("compute", remaining)}
    assert states <= {"deleting", "soft-deleting"}, "whose host is taken to be at it"
    await live_again(cloud)
    rows = await cloud.rows("compute", "SELECT uuid, vm_state FROM instances WHERE NOT deleted")
    assert [row["vm_state"] for row in rows] == ["soft-delete"]
    (await demo.delete("compute", f"/v2.1/servers/{rows[0]['uuid']}")).ok(204)
    await cloud.settle()
    assert await cloud.rows("compute", remaining) == []
    await all_holds(cloud)


async def test_the_end_of_a_server_on_no_host_goes_on(cloud):
    demo = await cloud.http("demo")
    _, server_id = await boot_from_volume(cloud, demo)
    await left(cloud, server_id, host=None, vm_state="error", task_state="deleting")
    await cloud.rows("compute", "UPDATE instances SET updated_at = now() - interval '1 minute' RETURNING id")
    await live_again(cloud)
    (await demo.get("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(404)
    await all_holds(cloud)


async def test_a_redelivered_snapshot_takes_the_image_without_bytes_away(cloud):
    demo = await cloud.http("demo")
    server_id = await a_server(cloud, demo, imageRef=await an_image(demo))
    promised, taken = await a_queued_image(demo), await an_image(demo)
    for image_id in (promised, taken):
        await told(
            cloud, server_id, lambda server, image=image_id: calls.SnapshotInstance(instance=server, image_id=image)
        )
    (await demo.get("image", f"/v2/images/{promised}")).ok(404)
    assert (await demo.get("image", f"/v2/images/{taken}")).ok(200).json["status"] == "active"


@pytest.mark.parametrize("named", ["the old attachment", "the new attachment"])
async def test_a_rebuild_cut_off_between_two_attachments_leaves_one(cloud, named):
    demo = await cloud.http("demo")
    volume_id, server_id = await boot_from_volume(cloud, demo)
    new = str(uuid.uuid4())
    (old,) = await cloud.rows("volume", "SELECT id FROM volume_attachment WHERE volume_id = $1", volume_id)
    copied = (
        "INSERT INTO volume_attachment (id, volume_id, instance_uuid, attach_status, project_id, created_at)"
        " SELECT $2, volume_id, instance_uuid, 'reserved', project_id, now() FROM volume_attachment WHERE id = $1"
        " RETURNING id"
    )
    await cloud.rows("volume", copied, old["id"], new)
    if named == "the new attachment":
        await cloud.rows("volume", "UPDATE volume_attachment SET deleted = true WHERE id = $1 RETURNING id", old["id"])
        await cloud.rows("volume", "UPDATE volumes SET status = 'reserved' WHERE id = $1 RETURNING id", volume_id)
        await cloud.rows("compute", "UPDATE block_device_mapping SET attachment_id = $1 RETURNING id", new)
    await left(cloud, server_id, task_state="rebuild_block_device_mapping")
    await live_again(cloud)
    assert (await get_server(demo, server_id))["status"] == "ERROR"
    await all_holds(cloud)


async def test_a_volume_reserved_for_a_server_never_written_is_let_go(cloud):
    demo = await cloud.http("demo")
    wish = {"volume": {"size": 1, "imageRef": await an_image(demo)}}
    volume_id = (await demo.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"]
    await cloud.settle()
    never = str(uuid.uuid4())
    wish = {"attachment": {"volume_uuid": volume_id, "instance_uuid": never}}
    version = {"OpenStack-API-Version": "volume 3.44"}
    made = await demo.post("volume", "/v3/{project_id}/attachments", json=wish, headers=version)
    await cloud.rows(
        "compute",
        "INSERT INTO reservations (attachment_id, instance_uuid, created_at)"
        " VALUES ($1, $2, now() - interval '2 minutes') RETURNING attachment_id",
        made.ok(200).json["attachment"]["id"],
        never,
    )
    await live_again(cloud)
    found = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert found["status"] == "available"
    assert await cloud.rows("compute", "SELECT * FROM reservations") == []


LOST = {
    "detach": [("volume", "UPDATE volumes SET status = 'detaching'")],
    "end of a detach": [
        ("volume", "UPDATE volumes SET status = 'available', attach_status = 'detached'"),
        ("volume", "DELETE FROM volume_attachment"),
    ],
    "attach": [
        ("volume", "UPDATE volumes SET status = 'attaching', attach_status = 'attaching'"),
        ("volume", "UPDATE volume_attachment SET attach_status = 'attaching'"),
        ("compute", "UPDATE block_device_mapping SET connection_info = NULL"),
    ],
}
"""What the end of a message, or all of it, left undone."""


@pytest.mark.parametrize("lost", LOST)
async def test_a_volume_whose_message_is_lost_does_not_stay_attaching_or_detaching(cloud, lost):
    demo = await cloud.http("demo")
    server_id, volume_id = await a_server(cloud, demo, imageRef=await an_image(demo)), await a_volume(cloud, demo)
    path = f"/v2.1/servers/{server_id}/os-volume_attachments"
    (await demo.post("compute", path, json={"volumeAttachment": {"volumeId": volume_id}})).ok(200)
    await cloud.settle()
    action = f"UPDATE instance_actions SET action = '{lost.split()[-1]}_volume'"
    for schema, sql in (("compute", action), *LOST[lost], ("compute", "DELETE FROM instance_actions_events")):
        await cloud.rows(schema, f"{sql} RETURNING id")
    await live_again(cloud)

    async def is_done():
        volume = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
        attachments = (await demo.get("compute", path)).ok(200).json["volumeAttachments"]
        return (volume["status"], len(attachments)) == (("in-use", 1) if lost == "attach" else ("available", 0))

    _done: bool = await until(is_done, 10.0)
    await all_holds(cloud)


async def test_a_lost_detachment_waits_for_the_next_round_while_a_message_is_at_work_on_the_server(cloud):
    demo = await cloud.http("demo")
    server_id, volume_id = await a_server(cloud, demo, imageRef=await an_image(demo)), await a_volume(cloud, demo)
    path = f"/v2.1/servers/{server_id}/os-volume_attachments"
    (await demo.post("compute", path, json={"volumeAttachment": {"volumeId": volume_id}})).ok(200)
    await cloud.settle()
    action = "UPDATE instance_actions SET action = 'detach_volume'"
    for schema, sql in (("compute", action), *LOST["detach"], ("compute", "DELETE FROM instance_actions_events")):
        await cloud.rows(schema, f"{sql} RETURNING id")
    [row] = await cloud.rows("compute", "SELECT host FROM instances WHERE uuid = $1", server_id)
    hosts = {host.name: (host, service) for service in host_services(cloud) for host in service.hosts}
    host, service = hosts[row["host"]]
    recovery = service._recoveries[host.name]
    now = cloud.cloud.clock.now()
    async with host.exclusive(server_id):
        assert not await recovery.run(system_context("nova"), now)
    assert await recovery.run(system_context("nova"), now)
    volume = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert volume["status"] == "available"


@pytest.mark.parametrize(
    "lost", ["before its attachment is complete", "between two steps of a detachment", "before it"]
)
async def test_a_volume_of_a_server_on_no_host_is_attached_or_is_not(cloud, lost):
    demo = await cloud.http("demo")
    root = await a_volume(cloud, demo, imageRef=await an_image(demo))
    server_id, volume_id = (
        await a_server(cloud, demo, block_device_mapping_v2=from_volume(root)),
        await a_volume(cloud, demo),
    )
    (await finish_action(cloud, demo, server_id, shelve=None)).ok(202)
    path = f"/v2.1/servers/{server_id}/os-volume_attachments"
    (await demo.post("compute", path, json={"volumeAttachment": {"volumeId": volume_id}})).ok(200)
    await cloud.settle()
    if lost == "before its attachment is complete":
        await cloud.rows("volume", "UPDATE volumes SET status = 'reserved' WHERE id = $1 RETURNING id", volume_id)
        undone = "UPDATE volume_attachment SET attach_status = 'reserved' WHERE volume_id = $1 RETURNING id"
        await cloud.rows("volume", undone, volume_id)
    else:
        detached = "UPDATE instance_actions SET action = 'detach_volume' WHERE action = 'attach_volume' RETURNING id"
        await cloud.rows("compute", detached)
    if lost == "between two steps of a detachment":
        free = "UPDATE volumes SET status = 'available', attach_status = 'detached' WHERE id = $1 RETURNING id"
        await cloud.rows("volume", free, volume_id)
        await cloud.rows("volume", "DELETE FROM volume_attachment WHERE volume_id = $1 RETURNING id", volume_id)
    await cloud.rows(
        "compute",
        "DELETE FROM instance_actions_events AS e USING instance_actions AS a"
        " WHERE a.id = e.action_id AND a.action IN ('attach_volume', 'detach_volume') RETURNING e.id",
    )
    for table, column in (("instance_actions", "start_time"), ("block_device_mapping", "created_at")):
        earlier = f"UPDATE {table} SET {column} = {column} - interval '20 seconds' RETURNING id"
        await cloud.rows("compute", earlier)
    await live_again(cloud)
    volume = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    attached = (await demo.get("compute", path)).ok(200).json["volumeAttachments"]
    kept = lost == "before it"
    assert (volume["status"], len(attached)) == (("in-use", 2) if kept else ("available", 1))
    (await finish_action(cloud, demo, server_id, unshelve=None)).ok(202)
    assert (await get_server(demo, server_id))["status"] == "ACTIVE"
    await all_holds(cloud)


async def test_a_rebuild_of_a_server_on_no_host_ends_in_error(cloud):
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    await left(cloud, server_id, host=None, node=None)
    rebuild = {"rebuild": {"imageRef": image_id}}
    (await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=rebuild)).ok(202)
    await cloud.settle()
    now = await get_server(demo, server_id)
    assert (now["status"], now["OS-EXT-STS:task_state"]) == ("ERROR", None)
    assert now["fault"]["message"] == "No valid host was found. the server is on no host"


async def test_a_server_that_never_ran_cannot_be_rebuilt(cloud):
    """As a real one answers for a server that found no host."""
    demo = await cloud.http("demo")
    image_id = await an_image(demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    await left(cloud, server_id, host=None, node=None, vm_state="error", launched_at=None)
    rebuild = {"rebuild": {"imageRef": image_id}}
    answer = await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=rebuild)
    text = answer.ok(409).json["conflictingRequest"]["message"]
    assert text == f"Instance {server_id} is in an invalid state for 'rebuild'"


CUT_OFF_WHILE_BUILDING = (
    "CREATE SEQUENCE cut_offs",
    "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN PERFORM nextval('cut_offs'); RAISE EXCEPTION USING ERRCODE = 'admin_shutdown'; END $$",
    "CREATE TRIGGER cut_off BEFORE UPDATE ON instances FOR EACH ROW"
    " WHEN (NEW.task_state = 'block_device_mapping' OR NEW.vm_state = 'error') EXECUTE FUNCTION cut_off()",
)


async def test_a_build_that_an_outage_of_the_database_cut_off_is_in_error_soon_after_it(a_cloud):
    """The host lives on, and its lease; the message, delivered again, finds the build begun."""
    clock = Clock()
    cloud = await a_cloud(clock=clock, settings={"compute": {"sweep_seconds": 0.2}})
    demo = await cloud.http("demo")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    for statement in CUT_OFF_WHILE_BUILDING:
        await cloud.rows("compute", statement)
    answer = await request_server(demo, imageRef="", block_device_mapping_v2=from_volume(volume_id))
    server_id = answer.ok(202).json["server"]["id"]

    async def is_given_up():  # at the state that it could not reach, and at the error it could not write
        return (await cloud.rows("compute", "SELECT last_value FROM cut_offs"))[0]["last_value"] >= 2

    async def is_in_error():
        return (await get_server(demo, server_id))["status"] == "ERROR"

    await until(is_given_up)
    await cloud.rows("compute", "DROP FUNCTION cut_off CASCADE")
    await cloud.rows("compute", "DROP SEQUENCE cut_offs")
    assert not await is_in_error()
    await clock.advance(timedelta(seconds=15))
    await until(is_in_error, 40)
    found = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert (found["status"], found["attachments"]) == ("available", [])
    await all_holds(cloud)


@pytest.mark.parametrize(("lost", "at_once"), [(2, True), (4, False)], ids=["answered soon", "answered late"])
async def test_a_rebuild_whose_volume_service_does_not_answer_leaves_the_volume_attached(a_cloud, lost, at_once):
    """Each call is made twice: the rebuild's two are lost, then those that attach the volume again."""
    clock, rules = Clock(), FaultRules()
    settings = {"compute": {"sweep_seconds": 0.2, "call_monitor_timeout_seconds": 2}}
    cloud = await a_cloud(clock=clock, faults=rules, settings=settings)
    demo = await cloud.http("demo")
    volume_id, server_id = await boot_from_volume(cloud, demo)
    lost_call = {"method": "update_attachment", "message": "call"}
    rules.add(FaultRule.model_validate({"kind": "bus.drop", "match": lost_call, "count": lost}))

    async def is_in_error():
        return (await get_server(demo, server_id))["status"] == "ERROR"

    async def is_lost():
        return rules.faults[0].hits == lost

    rebuild = {"rebuild": {"imageRef": await an_image(demo)}}
    headers = {"OpenStack-API-Version": "compute 2.93"}
    (await demo.post("compute", f"/v2.1/servers/{server_id}/action", json=rebuild, headers=headers)).ok(202)
    await until(is_lost, 40)
    if not at_once:
        await cloud.settle()
        assert not await is_in_error()
        await clock.advance(timedelta(seconds=15))
    await until(is_in_error, 40)
    found = (await demo.get("volume", f"/v3/{{project_id}}/volumes/{volume_id}")).ok(200).json["volume"]
    assert (found["status"], [each["server_id"] for each in found["attachments"]]) == ("in-use", [server_id])
    await all_holds(cloud)
