"""Which action may be done to a volume or snapshot in which status, and what becomes of it: the answers of a Cinder 29,
asked with each pair. While a worker is at work on a volume (``AT_WORK``) ours leaves it to him, whatever the answer.
"""

import uuid
from typing import Any

import pytest

from stackwire.volume.domain.names import names
from support.builders.images import an_image
from support.builders.volumes import a_volume
from support.cloud import Answer, ASharedCloud, JsonClient, TestCloud

V = "/v3/{project_id}"
STATES = names(
    "creating available deleting error error_deleting attaching detaching uploading downloading in-use maintenance"
    " retyping reserved awaiting-transfer backing-up restoring-backup error_restoring error_backing-up error_extending"
    " error_managing managing extending error_attaching error_detaching"
)
AT_WORK = names("creating downloading uploading extending retyping managing deleting backing-up restoring-backup")
SERVER = "7d2b0a5c-3a43-4d0c-9c3e-5a1f0b6a1111"
CONNECTOR = {"host": "h1", "initiator": "iqn.x", "ip": "127.0.0.1"}
Call = tuple[str, str, Any, str]


def _action(name: str, value: Any, version: str = "3.70") -> Call:
    return "POST", "/volumes/{volume}/action", {name: value}, version


def _all_but(states: str) -> str:
    return " ".join(state for state in STATES if state not in states.split())


ATTACH = {"instance_uuid": SERVER, "mountpoint": "/dev/vdb"}
NEW_ATTACHMENT = {"attachment": {"volume_uuid": "{volume}", "instance_uuid": SERVER}}
CONNECTED = {"attachment": {"connector": CONNECTOR}}
ANYWHERE = " ".join(STATES)
ALLOWED: dict[str, tuple[Call, str, dict[str, str]]] = {
    "update": (("PUT", "/volumes/{volume}", {"volume": {"name": "n"}}, "3.70"), _all_but("maintenance"), {}),
    "add metadata": (
        ("POST", "/volumes/{volume}/metadata", {"metadata": {"k": "1"}}, "3.70"),
        _all_but("maintenance uploading"),
        {},
    ),
    "replace metadata": (
        ("PUT", "/volumes/{volume}/metadata", {"metadata": {"k": "1"}}, "3.70"),
        _all_but("maintenance uploading"),
        {},
    ),
    "set one key": (
        ("PUT", "/volumes/{volume}/metadata/k", {"meta": {"k": "1"}}, "3.70"),
        _all_but("maintenance uploading"),
        {},
    ),
    "delete one key": (("DELETE", "/volumes/{volume}/metadata/k", None, "3.70"), _all_but("maintenance uploading"), {}),
    "set image metadata": (
        _action("os-set_image_metadata", {"metadata": {"q": "1"}}),
        _all_but("maintenance uploading"),
        {},
    ),
    "unset image metadata": (_action("os-unset_image_metadata", {"key": "q"}), _all_but("maintenance uploading"), {}),
    "bootable": (_action("os-set_bootable", {"bootable": True}), _all_but("maintenance"), {}),
    "readonly": (_action("os-update_readonly_flag", {"readonly": False}), "available", {}),
    "reserve": (_action("os-reserve", {}), "available", {"available": "attaching"}),
    "unreserve": (_action("os-unreserve", {}), ANYWHERE, {"attaching": "available"}),
    "begin_detaching": (_action("os-begin_detaching", {}), "", {}),
    "roll_detaching": (_action("os-roll_detaching", {}), ANYWHERE, {"detaching": "in-use"}),
    "attach": (_action("os-attach", ATTACH), _all_but("maintenance in-use"), {"*": "in-use"}),
    "detach": (_action("os-detach", {}), _all_but("maintenance"), {"*": "available"}),
    "force_detach": (_action("os-force_detach", {}), _all_but("maintenance"), {"*": "available"}),
    "initialize_connection": (
        _action("os-initialize_connection", {"connector": CONNECTOR}),
        _all_but("maintenance"),
        {},
    ),
    "terminate_connection": (
        _action("os-terminate_connection", {"connector": CONNECTOR}),
        ANYWHERE,
        {"attaching": "available"},
    ),
    "attachment": (
        ("POST", "/attachments", NEW_ATTACHMENT, "3.70"),
        "available downloading",
        {"available": "reserved"},
    ),
    "delete": (
        ("DELETE", "/volumes/{volume}", None, "3.70"),
        "available error error_restoring error_extending error_managing",
        {},
    ),
    "force_delete": (_action("os-force_delete", {}), ANYWHERE, {}),
    "extend": (_action("os-extend", {"new_size": 2}, "3.41"), "available", {}),
    "extend 3.42": (_action("os-extend", {"new_size": 2}, "3.42"), "available in-use", {}),
    "upload": (_action("os-volume_upload_image", {"image_name": "u"}), "available", {}),
    "forced upload": (_action("os-volume_upload_image", {"image_name": "u", "force": True}), "available", {}),
    "reimage": (_action("os-reimage", {"image_id": "{image}"}), "available error", {}),
    "reimage reserved": (
        _action("os-reimage", {"image_id": "{image}", "reimage_reserved": True}),
        "available error reserved",
        {},
    ),
    "snapshot": (("POST", "/snapshots", {"snapshot": {"volume_id": "{volume}"}}, "3.65"), "available", {}),
    "forced snapshot": (
        ("POST", "/snapshots", {"snapshot": {"volume_id": "{volume}", "force": True}}, "3.65"),
        "available in-use",
        {},
    ),
    "snapshot 3.66": (("POST", "/snapshots", {"snapshot": {"volume_id": "{volume}"}}, "3.66"), "available in-use", {}),
    "transfer": (
        ("POST", "/volume-transfers", {"transfer": {"volume_id": "{volume}"}}, "3.70"),
        "available",
        {"available": "awaiting-transfer"},
    ),
    "clone": (
        ("POST", "/volumes", {"volume": {"source_volid": "{volume}", "size": 1}}, "3.70"),
        "available in-use",
        {},
    ),
}
"""What is done -> the request, the states in which it is accepted, and the state afterwards where that is another."""
IN_USE: dict[str, tuple[Call, str, dict[str, str]]] = {
    "update attachment": (
        ("PUT", "/attachments/{attachment}", {"attachment": {"connector": CONNECTOR}}, "3.70"),
        " ".join(state for state in STATES if "error" not in state),
        {"*": "attaching"},
    ),
    "complete": (("POST", "/attachments/{attachment}/action", {"os-complete": {}}, "3.70"), ANYWHERE, {"*": "in-use"}),
    "delete attachment": (("DELETE", "/attachments/{attachment}", None, "3.70"), ANYWHERE, {"*": "available"}),
    "detach": (_action("os-detach", {"attachment_id": "{attachment}"}), _all_but("maintenance"), {"*": "available"}),
    "detach the one": (_action("os-detach", {}), _all_but("maintenance"), {"*": "available"}),
    "force_detach": (
        _action("os-force_detach", {"attachment_id": "{attachment}", "connector": None}),
        _all_but("maintenance"),
        {"*": "available"},
    ),
    "unreserve": (_action("os-unreserve", {}), ANYWHERE, {"attaching": "in-use"}),
    "begin_detaching": (_action("os-begin_detaching", {}), "in-use", {"in-use": "detaching"}),
    "terminate_connection": (
        _action("os-terminate_connection", {"connector": None}),
        ANYWHERE,
        {"attaching": "in-use"},
    ),
    "attach the same server again": (
        ("POST", "/attachments", NEW_ATTACHMENT, "3.70"),
        "available downloading in-use reserved",
        {"available": "reserved"},
    ),
    "delete": (("DELETE", "/volumes/{volume}", None, "3.70"), "", {}),
    "force_delete": (_action("os-force_delete", {}), "", {}),
}
"""The same of a volume with one attachment, to a server that never connected it."""
SPENT = {"delete one key", "unset image metadata", "delete", "force_delete", "extend", "extend 3.42", "upload"} | {
    "forced upload",
    "reimage",
    "reimage reserved",
}
"""What leaves a volume on which it cannot be done again, or a worker at work on it."""
MULTIATTACH = {
    "reserve": ("available in-use", {"*": "attaching"}),
    "attach": (_all_but("maintenance"), {"*": "in-use"}),
    "attachment": ("available in-use downloading", {"available": "reserved", "in-use": "reserved"}),
}
"""What a multiattach volume allows otherwise."""
SNAPSHOTS = names("error available creating deleting updating error_deleting unmanaging backing-up restoring")
OF_A_SNAPSHOT: dict[str, tuple[Call, str]] = {
    "delete": (("DELETE", "/snapshots/{snapshot}", None, "3.70"), "available error"),
    "force_delete": (("POST", "/snapshots/{snapshot}/action", {"os-force_delete": {}}, "3.70"), " ".join(SNAPSHOTS)),
    "update": (("PUT", "/snapshots/{snapshot}", {"snapshot": {"name": "n"}}, "3.70"), " ".join(SNAPSHOTS)),
    "metadata": (("POST", "/snapshots/{snapshot}/metadata", {"metadata": {"k": "1"}}, "3.70"), " ".join(SNAPSHOTS)),
    "copy": (("POST", "/volumes", {"volume": {"snapshot_id": "{snapshot}", "size": 1}}, "3.70"), "available"),
    "delete with the volume": (("DELETE", "/volumes/{volume}?cascade=true", None, "3.70"), "available error"),
}


class Subject:
    """A volume that is put into states, with what belongs to it; made anew once something was accepted."""

    def __init__(self, cloud: TestCloud, admin: JsonClient) -> None:
        self._cloud, self._admin = cloud, admin
        self.ids: dict[str, str] = {}

    async def renew(self, *, snapshot: bool = False) -> None:
        self.ids["volume"] = await a_volume(self._cloud, self._admin, metadata={"k": "1"})
        (await self.ask(_action("os-set_image_metadata", {"metadata": {"q": "1"}}))).ok(200)
        if snapshot:
            wish = {"snapshot": {"volume_id": self.ids["volume"]}}
            made = await self._admin.post("volume", f"{V}/snapshots", json=wish)
            self.ids["snapshot"] = made.ok(202).json["snapshot"]["id"]
            await self._cloud.settle()

    async def put_into(self, status: str, *, attached: bool = False, multiattach: bool = False) -> None:
        volume = self.ids["volume"]
        await self._cloud.rows(
            "volume",
            "UPDATE volumes SET status = $2, attach_status = $3, multiattach = $4 WHERE id = $1 RETURNING id",
            volume,
            status,
            "attached" if attached else "detached",
            multiattach,
        )
        await self._cloud.rows("volume", "DELETE FROM volume_attachment WHERE volume_id = $1 RETURNING id", volume)
        if attached:
            self.ids["attachment"] = str(uuid.uuid4())
            await self._cloud.rows(
                "volume",
                "INSERT INTO volume_attachment (id, volume_id, project_id, instance_uuid, attach_status, created_at)"
                " SELECT $1, id, project_id, $3, 'attached', now() FROM volumes WHERE id = $2 RETURNING id",
                self.ids["attachment"],
                volume,
                SERVER,
            )

    async def put_snapshot_into(self, status: str) -> None:
        sql = "UPDATE snapshots SET status = $2 WHERE id = $1 RETURNING id"
        await self._cloud.rows("volume", sql, self.ids["snapshot"], status)

    async def ask(self, call: Call) -> Answer:
        method, path, wish, version = call
        headers = {"OpenStack-API-Version": f"volume {version}"}
        return await self._admin.request(method, "volume", V + self._fill(path), json=self._fill(wish), headers=headers)

    async def status(self) -> str:
        (row,) = await self._cloud.rows("volume", "SELECT status FROM volumes WHERE id = $1", self.ids["volume"])
        return str(row["status"])

    def _fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._fill(one) for key, one in value.items()}
        if isinstance(value, str):
            for name, one in self.ids.items():
                value = value.replace(f"{{{name}}}", one)
        return value


@pytest.fixture
async def subject(a_shared_cloud: ASharedCloud) -> Subject:
    cloud = await a_shared_cloud(settings={"volume": {"sweep_seconds": 3600}})  # no recovery of what is put into states
    admin = await cloud.http("admin")
    unlimited = {"quota_set": {"volumes": -1, "gigabytes": -1, "snapshots": -1}}
    (await admin.put("volume", f"{V}/os-quota-sets/{admin.project_id}", json=unlimited)).ok(200)
    subject = Subject(cloud, admin)
    subject.ids["image"] = await an_image(admin)
    return subject


async def hold_in_every_state(
    subject: Subject,
    row: tuple[Call, str, dict[str, str]],
    *,
    attached: bool = False,
    multiattach: bool = False,
    renewed: bool = False,
) -> None:
    call, allowed, after = row
    await subject.renew()
    for state in STATES:
        await subject.put_into(state, attached=attached, multiattach=multiattach)
        answer = await subject.ask(call)
        accepted = answer.status < 300
        assert accepted is (state in allowed.split()), (state, answer.status, answer.json)
        assert accepted or answer.status in (400, 409), (state, answer.json)
        if after:
            moved = accepted and state not in AT_WORK
            assert await subject.status() == (after.get(state, after.get("*", state)) if moved else state), state
        if accepted and renewed:
            await subject.renew()


@pytest.mark.parametrize("done", ALLOWED)
async def test_an_action_is_accepted_in_its_states_only(subject: Subject, done: str) -> None:
    await hold_in_every_state(subject, ALLOWED[done], renewed=done in SPENT)


@pytest.mark.parametrize("done", IN_USE)
async def test_an_action_on_an_attached_volume_is_accepted_in_its_states_only(subject: Subject, done: str) -> None:
    await hold_in_every_state(subject, IN_USE[done], attached=True)


@pytest.mark.parametrize("done", MULTIATTACH)
async def test_a_multiattach_volume_allows_more(subject: Subject, done: str) -> None:
    allowed, after = MULTIATTACH[done]
    await hold_in_every_state(subject, (ALLOWED[done][0], allowed, after), multiattach=True)


@pytest.mark.parametrize("done", OF_A_SNAPSHOT)
async def test_an_action_on_a_snapshot_is_accepted_in_its_states_only(subject: Subject, done: str) -> None:
    call, allowed = OF_A_SNAPSHOT[done]
    await subject.renew(snapshot=True)
    for state in SNAPSHOTS:
        await subject.put_snapshot_into(state)
        answer = await subject.ask(call)
        assert (answer.status < 300) is (state in allowed.split()), (state, answer.status, answer.json)
        if answer.status < 300 and "delete" in done:
            await subject.renew(snapshot=True)


@pytest.mark.parametrize(
    ("status", "attached", "answer", "after"),
    [
        ("error", False, 202, "error"),
        ("AVAILABLE", False, 202, "available"),
        ("in-use", True, 202, "in-use"),
        ("in-use", False, 400, "reserved"),
        ("deleting", False, 400, "reserved"),
        ("error_attaching", False, 400, "reserved"),
        ("reverting", False, 400, "reserved"),
    ],
)
async def test_an_administrator_resets_a_status(
    subject: Subject, status: str, attached: bool, answer: int, after: str
) -> None:
    await subject.renew()
    await subject.put_into("reserved", attached=attached)
    assert (await subject.ask(_action("os-reset_status", {"status": status}))).status == answer
    assert await subject.status() == after


@pytest.mark.parametrize(
    ("status", "after"), [("in-use", "available"), ("error", "available"), ("uploading", "uploading")]
)
async def test_a_reset_to_detached_ends_the_attachments(subject: Subject, status: str, after: str) -> None:
    await subject.renew()
    await subject.put_into(status, attached=True)
    (await subject.ask(_action("os-reset_status", {"attach_status": "detached"}))).ok(202)
    assert await subject.status() == after
    assert (await subject.ask(("GET", "/attachments/{attachment}", None, "3.70"))).status == 404
