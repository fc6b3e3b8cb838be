"""What a server does in each state, as a real Nova (2026.2) answered: every action we have, by its status."""

from typing import Any

from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, SERVERS, SMALL_FLAVOR, a_server
from support.builders.volumes import a_volume
from support.cloud import Answer, JsonClient, TestCloud

STATES = ["active", "stopped", "paused", "suspended", "error", "never", "locked", "locked_admin", "rescued", "resized"]
"""``never``: an error before the server ran; ``locked_admin``: a locked server, asked by an administrator.

``ACTION@admin``: an administrator asks in every state. The host of an evacuation is up: 400 where the state allows it.
"""

ANSWERS = """
os-start             409 202 409 409 409 409 409 409 409 409
os-stop              202 409 409 409 202 409 409 202 409 409
reboot-SOFT          202 409 409 409 409 409 409 202 409 409
reboot-HARD          202 202 202 202 202 409 409 202 409 409
pause                202 409 409 409 409 409 409 202 409 409
unpause              409 409 202 409 409 409 409 409 409 409
suspend              202 409 409 409 409 409 409 202 409 409
resume               409 409 409 202 409 409 409 409 409 409
rebuild              202 202 409 409 202 409 409 202 409 409
createImage          202 202 202 202 409 409 202 202 409 409
os-getConsoleOutput  200 200 200 200 200 409 200 200 200 200
lock                 202 202 202 202 202 202 202 202 202 202
unlock               202 202 202 202 202 202 202 202 202 202
update               200 200 200 200 200 200 200 200 200 200
metadata-POST        200 200 200 200 409 409 409 200 409 409
metadata-PUT         200 200 200 200 409 409 409 200 409 409
metadata-DELETE      204 204 204 204 409 404 409 204 409 409
tags-PUT             200 200 200 200 409 409 200 200 409 409
tag-PUT              201 201 201 201 409 409 201 201 409 409
tag-DELETE           204 204 204 204 409 409 204 204 409 409
tags-DELETE          204 204 204 204 409 409 204 204 409 409
attachment-PUT       202 202 202 202 202 404 202 202 202 202
attach               200 200 200 409 409 409 409 200 409 200
detach               202 202 202 409 409 404 409 202 409 202
resize               202 202 409 409 409 409 409 202 409 409
confirmResize        409 409 409 409 409 409 409 409 409 400
revertResize         409 409 409 409 409 409 409 409 409 400
migrate              403 403 403 403 403 403 403 202 403 403
migrate@admin        202 202 409 409 409 409 202 202 409 409
os-migrateLive       403 403 403 403 403 403 403 202 403 403
os-migrateLive@admin 202 409 202 409 409 409 202 202 409 409
evacuate             403 403 403 403 403 403 403 400 403 403
evacuate@admin       400 400 409 409 400 409 400 400 409 409
changePassword       202 409 409 409 409 409 409 202 409 409
trigger_crash_dump   202 409 202 409 202 409 409 202 202 202
forceDelete          202 202 202 202 202 202 409 202 202 202
delete               204 204 204 204 204 204 409 204 204 204
"""

PARTS: dict[str, tuple[str, str, Any]] = {
    "update": ("PUT", "", {"server": {"name": "other"}}),
    "metadata-POST": ("POST", "/metadata", {"metadata": {"a": "b"}}),
    "metadata-PUT": ("PUT", "/metadata", {"metadata": {"k": "v"}}),
    "metadata-DELETE": ("DELETE", "/metadata/k", None),
    "tags-PUT": ("PUT", "/tags", {"tags": ["t"]}),
    "tag-PUT": ("PUT", "/tags/u", None),
    "tag-DELETE": ("DELETE", "/tags/t", None),
    "tags-DELETE": ("DELETE", "/tags", None),
    "attachment-PUT": (
        "PUT", "/os-volume_attachments/{volume}",
        {"volumeAttachment": {"volumeId": "{volume}", "delete_on_termination": False}},
    ),
    "attach": ("POST", "/os-volume_attachments", {"volumeAttachment": {"volumeId": "{other}"}}),
    "detach": ("DELETE", "/os-volume_attachments/{volume}", None),
    "delete": ("DELETE", "", None),
}  # fmt: skip
ACTIONS: dict[str, Any] = {
    "reboot-SOFT": {"reboot": {"type": "SOFT"}},
    "reboot-HARD": {"reboot": {"type": "HARD"}},
    "rebuild": {"rebuild": {"imageRef": "{image}"}},
    "createImage": {"createImage": {"name": "snap"}},
    "resize": {"resize": {"flavorRef": SMALL_FLAVOR}},
    "os-getConsoleOutput": {"os-getConsoleOutput": {}},
    "changePassword": {"changePassword": {"adminPass": "x"}},
    "os-migrateLive": {"os-migrateLive": {"host": None, "block_migration": "auto"}},
    "evacuate": {"evacuate": {}},
}


async def arrange(cloud: TestCloud, client: JsonClient, server_id: str, state: str) -> None:
    """The server is in the state, at rest."""
    vm_state = {"never": "error", "locked": "active", "locked_admin": "active"}.get(state, state)
    never = ", host = NULL, node = NULL, launched_at = NULL" if state == "never" else ""
    sql = f"UPDATE instances SET vm_state = $2, task_state = NULL, locked = $3, locked_by = $4{never} WHERE uuid = $1"
    locked = state.startswith("locked")
    await cloud.rows("compute", f"{sql} RETURNING id", server_id, vm_state, locked, "owner" if locked else None)


async def ask(client: JsonClient, server_id: str, name: str, **ids: str) -> Answer:
    method, path, body = PARTS.get(name) or ("POST", "/action", ACTIONS.get(name, {name: None}))
    filled = _filled(body, ids)
    address = f"{SERVERS}/{server_id}{_filled(path, ids)}"
    return await client.request(method, "compute", address, json=filled, headers=SERVER_VERSION)


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, ids) for key, item in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


async def test_each_action_is_allowed_in_the_states_in_which_nova_allows_it(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    image, answers, found = await an_image(demo), dict[str, list[int]](), dict[str, list[int]]()
    for line in ANSWERS.split("\n")[1:-1]:
        name, *statuses = line.split()
        answers[name], found[name] = [int(status) for status in statuses], []
    quotas = {"quota_set": {"volumes": 50}}
    (await admin.put("volume", f"/v3/{{project_id}}/os-quota-sets/{demo.project_id}", json=quotas)).ok(200)
    for state in STATES:
        server_id, other_id = [await a_server(cloud, demo, imageRef=image) for _ in range(2)]
        ids = {"image": image, "volume": await a_volume(cloud, demo), "other": await a_volume(cloud, demo)}
        if state != "never":
            attach = {"volumeAttachment": {"volumeId": ids["volume"]}}
            (await demo.post("compute", f"{SERVERS}/{server_id}/os-volume_attachments", json=attach)).ok(200)
            await ask(demo, server_id, "metadata-PUT")
        await ask(demo, server_id, "tags-PUT")
        for name in answers:
            await cloud.settle()
            target = other_id if name == "delete" else server_id
            await arrange(cloud, demo, target, state)
            action, _, asked_by = name.partition("@")
            client = admin if "admin" in (asked_by, state.removeprefix("locked_")) else demo
            answer = await ask(client, target, action, **ids)
            found[name].append(answer.status)
        await cloud.settle()
    assert found == answers
