"""A server as each version shows it: the recorded bodies, and what came when."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from stackwire.compute.domain.hypervisors import HostService
from stackwire.compute.domain.image_props import standard
from stackwire.compute.domain.model import BlockDevice, Fault, Flavor, Instance
from stackwire.compute.domain.server import Server, ServerVisibility
from stackwire.compute.http.views.servers import ServerView, host_id
from stackwire.compute.http.views.volume_attachments import volume_attachment_view as attachment
from stackwire.core.behaviours import behaviours_of
from stackwire.http.microversions import Microversion

DATA = Path(__file__).parents[2] / "data" / "golden"
NOW = datetime(2026, 11, 20, 21, 24, 24, tzinfo=UTC)
TRAVEL = json.loads((DATA / "compute_travel.json").read_text("utf-8"))


def recorded(flow, call):
    exchanges = json.loads((DATA / f"{flow}.json").read_text("utf-8"))["rest"]
    return [exchange["response"] for exchange in exchanges if exchange["call"] == call]


FLAVOR = Flavor(
    id=1, flavorid="<flavor-m1.tiny>", name="m1.tiny", memory_mb=512, vcpus=1, root_gb=1, extra_specs={}, created_at=NOW
)
SERVER = Instance(
    id=19, uuid="<srv-img>", user_id="<user>", project_id="<project>", image_ref="<img1>", kernel_id="", ramdisk_id="",
    launch_index=0, key_name=None, key_data=None, power_state=1, vm_state="active", task_state=None, memory_mb=512,
    vcpus=1, root_gb=1, ephemeral_gb=0, hostname="srv-img", host="<host>", node="<host>", launched_on="<host>",
    user_data=None, reservation_id="r-1", launched_at=NOW, terminated_at=None, display_name="srv-img",
    display_description=None, availability_zone="nova", os_type=None, architecture="x86_64", vm_mode=None,
    root_device_name="/dev/sda", access_ip_v4=None, access_ip_v6=None, config_drive="", auto_disk_config=False,
    progress=0, locked=False, locked_by=None, instance_type_id=1, hidden=False, created_at=NOW, updated_at=NOW,
    deleted_at=None, deleted=False,
)  # fmt: skip


def server(**changes):
    instance = replace(SERVER, **{name: value for name, value in changes.items() if hasattr(SERVER, name)})
    rest = {name: value for name, value in changes.items() if not hasattr(SERVER, name)}
    given = {
        "metadata": {"purpose": "journey"}, "system_metadata": TRAVEL["servers"]["srv-img"], "request_spec": {},
    } | rest  # fmt: skip
    return Server(instance=instance, flavor=FLAVOR, **given)


def a_device(**changes):
    device = BlockDevice(
        id=1, uuid="<uuid1>", instance_uuid="<srv-vol>", source_type="volume", destination_type="volume",
        guest_format=None, device_type=None, disk_bus=None, boot_index=0, device_name="/dev/sda",
        delete_on_termination=False, snapshot_id=None, volume_id="<vol-img>", volume_size=1, volume_type=None,
        image_id=None, no_device=False, connection_info=None, tag=None, attachment_id="<uuid0>", encrypted=False,
        created_at=NOW, updated_at=None, deleted_at=None, deleted=False,
    )  # fmt: skip
    return replace(device, **changes)


def look(version, **rights):
    rights = {"extended_attributes": False, "host_status": False} | rights
    visibility = ServerVisibility(behaviours=behaviours_of(), now=NOW, **rights)
    return ServerView("<endpoint>/v2.1", Microversion(2, version), visibility)


def equalized(told):
    told["hostId"] = "<hostId>"
    for key in ("created", "updated", "OS-SRV-USG:launched_at"):
        told[key] = told[key] and "<time>"
    return told


@pytest.mark.parametrize(("index", "version"), [(0, 93), (1, 1), (2, 98), (3, 104)])
def test_a_server_shows_the_recorded_body(index, version):
    bodies = recorded("server_from_image", "GET /servers/<srv-img>")
    assert equalized(look(version).show(server())) == bodies[index]["server"]


def test_a_new_server_is_answered_as_recorded():
    (body,) = recorded("server_from_image", "POST /servers")
    assert look(93).accepted("<srv-img>", "<adminPass>") == body["server"]


def test_a_rebuilt_server_is_answered_as_recorded():
    (body,) = recorded("server_rebuild_same", "POST /servers/<srv-img>/action")
    rebuilt = server(task_state="rebuilding", metadata={"rebuilt": "once"})
    assert equalized(look(93).rebuilt(rebuilt, "<adminPass>")) == body["server"]


def test_a_volume_backed_server_has_no_image():
    told = look(93).show(server(image_ref="", devices=(a_device(),)))
    assert told["image"] == ""
    assert told["os-extended-volumes:volumes_attached"] == [{"id": "<vol-img>", "delete_on_termination": False}]
    assert look(98).show(server(image_ref=""))["image"] == ""


def test_an_attachment_shows_the_recorded_body():
    (body,) = recorded("server_from_volume", "GET /servers/<srv-vol>/os-volume_attachments")
    assert [attachment(a_device(), (2, 93))] == body["volumeAttachments"]
    (new,) = recorded("server_attach_detach", "POST /servers/<srv-img>/os-volume_attachments")
    fresh = a_device(instance_uuid="<srv-img>", volume_id="<vol-clone>", device_name="/dev/sdb", boot_index=None)
    assert attachment(fresh, (2, 93), created=True) == new["volumeAttachment"]


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ((2, 1), {"id", "volumeId", "serverId", "device"}),
        ((2, 70), {"id", "volumeId", "serverId", "device", "tag"}),
        ((2, 79), {"id", "volumeId", "serverId", "device", "tag", "delete_on_termination"}),
        ((2, 89), {"volumeId", "serverId", "device", "tag", "delete_on_termination", "attachment_id", "bdm_uuid"}),
    ],
)
def test_an_attachment_grows_with_the_versions(version, keys):
    assert attachment(a_device(), version).keys() == keys


CAME = {
    "locked": 9, "description": 19, "tags": 26, "trusted_image_certificates": 63, "server_groups": 71,
    "locked_reason": 73, "OS-EXT-SRV-ATTR:hostname": 90, "pinned_availability_zone": 96, "scheduler_hints": 100,
}  # fmt: skip


@pytest.mark.parametrize(("key", "version"), CAME.items())
def test_a_key_is_shown_from_its_version_on(key, version):
    assert key not in look(version - 1).show(server())
    assert key in look(version).show(server())


def test_the_flavor_is_embedded_from_2_47_on():
    assert look(46).show(server())["flavor"].keys() == {"id", "links"}
    assert look(47).show(server())["flavor"]["original_name"] == "m1.tiny"


def test_a_list_does_not_tell_of_groups():
    assert "server_groups" not in look(93).detail(server())


@pytest.mark.parametrize("version", [1, 93, 104])
def test_an_entry_of_a_list_is_the_same_however_often_and_by_whom_it_was_seen(version):
    listed, other = server(), look(3, extended_attributes=True)
    for _ in range(2):
        for view in (look(version), other, look(version + 1), look(version, extended_attributes=True), look(2)):
            assert orjson.dumps(view.detail_json(listed)) == orjson.dumps(view.detail(listed))
    renamed = listed.with_instance(replace(listed.instance, display_name="renamed"))
    assert orjson.loads(orjson.dumps(look(version).detail_json(renamed)))["name"] == "renamed"


def test_a_hosts_status_in_a_list_is_that_of_now():
    found = server(service=HostService(disabled=False, forced_down=False, updated_at=NOW))
    view = look(93, extended_attributes=True, host_status=True)
    assert orjson.loads(orjson.dumps(view.detail_json(found)))["host_status"] == "UP"
    visibility = ServerVisibility(
        behaviours=behaviours_of(), now=NOW + timedelta(minutes=5), extended_attributes=True, host_status=True
    )
    later = ServerView("<endpoint>/v2.1", Microversion(2, 93), visibility)
    assert orjson.loads(orjson.dumps(later.detail_json(found)))["host_status"] == "UNKNOWN"


def test_a_change_is_answered_with_less_before_2_75():
    assert "OS-EXT-STS:vm_state" not in look(74).updated(server())
    assert "OS-EXT-STS:vm_state" in look(75).updated(server())


def test_administrators_see_where_a_server_is():
    told = look(2).show(server()).keys() | set()
    assert "OS-EXT-SRV-ATTR:host" not in told
    seen = look(93, extended_attributes=True, host_status=True)
    told = seen.show(server())
    assert told["OS-EXT-SRV-ATTR:host"] == "<host>"
    assert told["OS-EXT-SRV-ATTR:instance_name"] == "instance-00000013"
    late = NOW - timedelta(seconds=61)
    for service, status in (
        ((False, False, NOW), "UP"),
        ((False, False, late), "UNKNOWN"),
        ((True, False, NOW), "MAINTENANCE"),
        ((True, True, NOW), "DOWN"),
    ):
        on = HostService(**dict(zip(("disabled", "forced_down", "updated_at"), service, strict=True)))
        assert seen.show(replace(server(), service=on))["host_status"] == status


def test_a_faults_details_are_for_administrators():
    fault = Fault(
        id=1, instance_uuid="s", code=500, message="NoValidHost", details="a traceback", host=None, created_at=NOW
    )
    broken = server(vm_state="error", fault=fault)
    assert look(93).show(broken)["fault"].keys() == {"code", "created", "message"}
    assert look(93, extended_attributes=True).show(broken)["fault"]["details"] == "a traceback"
    assert "progress" not in look(93).show(broken)
    assert "fault" not in look(93).show(server(fault=fault)), "an active server shows no old fault"


def test_a_host_has_another_id_for_each_project():
    assert host_id("a", "compute-1") != host_id("b", "compute-1")
    assert host_id("a", None) == ""


def test_only_typed_properties_are_shown():
    rows = {"image_hw_disk_bus": "scsi", "image_team": "x", "image_min_ram": "1", "hw_disk_bus": "no prefix"}
    assert standard(rows, behaviours_of()) == {"hw_disk_bus": "scsi"}
    every = standard(rows, behaviours_of(without=["lp-2098384"]))
    assert every.keys() > {"hw_disk_bus"}
