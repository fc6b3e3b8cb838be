"""Nothing is accepted and ignored: a field that takes another value changes the answer, a row or a message."""

import os
from typing import Any

import pytest

from stackwire.compare.answers import Answers, read
from stackwire.compare.fixtures import Fixtures
from stackwire.compare.odd_values import UNKNOWN_KEY
from stackwire.compare.request import Request, variants
from stackwire.compare.session import Credentials, logged_in
from stackwire.compare.tables import all_requests
from support.answers import ANSWERS
from support.cloud import ACloud, TestCloud
from support.effects import Effects

EVERY = 1 if os.environ.get("ACCEPTED_FIELDS") == "all" else 20
FILES = "a back end of files serves every host"
HASHED = "a password is kept as a salted hash and shown nowhere"
SIZED = "null is the size of what it is made from, which the valid request names"
NONE = "an empty object names nothing, as the valid request or a null"
IGNORED: dict[str, str] = {
    "projects.create project.domain_id": "null is the domain of the token, which the valid request names",
    "projects.create project.parent_id": "null is the domain, which the valid request names",
    "quota-class-sets.update quota_class_set": NONE,
    "quota-sets.update-user quota_set": NONE,
    "quotas.update-short quota_set.force": "limits over what is used need no force",
    "snapshots.update snapshot.display_description": "description goes before it",
    "snapshots.update snapshot.display_name": "name goes before it",
    "tokens.password-system auth.scope.system": "there is one system",
    "tokens.password-unscoped-key auth.scope.unscoped": "the key alone says that there is no scope",
    "users.change-password user.password": HASHED,
    "users.create user.password": HASHED,
    "users.update user.password": HASHED,
    "volume-actions.detach os-detach": NONE,
    "volume-actions.force_detach os-force_detach": NONE,
    "volume-actions.force_detach os-force_detach.attachment_id": "an empty one names none, as null does",
    "volume-actions.force_detach os-force_detach.connector": FILES,
    "volume-actions.initialize_connection os-initialize_connection.connector": FILES,
    "volume-actions.reimage os-reimage.reimage_reserved": "an available volume is not reserved",
    "volume-actions.terminate_connection os-terminate_connection.connector": FILES,
    "volume-actions.volume_upload_image os-volume_upload_image.force": "an available volume needs no force",
    "volumes.create volume.availability_zone": "null is the default zone, which the valid request names",
    "volumes.create volume.volume_type": "null and an empty one are the default type, which the valid request names",
    "volumes.create-from-snapshot volume.size": SIZED,
    "volumes.create-from-volume volume.size": SIZED,
}
"""Request and field, to the reason why none of its values changes anything here."""


SPELLINGS = {"digit": {"1", "true"}, "one": {"1", "true"}, "true": {"1", "true"}, "true-text": {"1", "true"}}
"""Odd value to the valid values, as text, that it may be another spelling of."""


def accepted(request: Request, answers: Answers) -> dict[str, list[str]]:
    """Field to the odd values that the newest version takes and that say something else than the valid request.

    Left out is no value: it may mean the very same. Nor is there a field where the original takes whatever it is sent,
    of any type (it does not read it), or whose valid value is a made-up one, another each time.
    """
    taken: dict[str, list[str]] = {}
    refused: set[str] = set()
    same = {(each.field, each.value) for each in variants(request) if each.body == request.body}
    for version, field, value, status in answers.rows():
        valid = str(valid_value(request, field)).lower()
        left_out = value == "absent" or f"{request.name} {field}" in IGNORED or valid in {"{uuid}", "{unique}"}
        if version != request.versions[-1] or left_out or valid in SPELLINGS.get(value, ()):
            continue
        if status not in range(200, 300):
            refused.add(field)
        elif (field, value) not in same and not _is_made_up(field):
            taken.setdefault(field, []).append(value)
    return {field: values for field, values in taken.items() if field in refused}


def valid_value(request: Request, field: str) -> Any:
    """None where the valid request has no such field."""
    node: Any = request.body
    for part in field.split("."):
        if isinstance(node, list):
            node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
    return node


def _is_made_up(field: str) -> bool:
    return field.startswith("?") or field.endswith(UNKNOWN_KEY)


REQUESTS = [
    each
    for each in all_requests().values()
    if each.body and each.status is None and (ANSWERS / f"{each.name}.json").exists()
]


async def idle_fields(cloud: TestCloud, request: Request) -> list[str]:
    """The fields of one request that change nothing; what it works on is gone afterwards, its names are free again."""
    user, admin = (Credentials(cloud.auth_url, name, "secret", name) for name in ("demo", "admin"))
    async with logged_in(user) as session, logged_in(admin) as admin_session:
        fixtures = Fixtures(session, admin_session, unique="made")
        effects = Effects(cloud, fixtures)
        watch = cloud.cloud.broker.watch(effects.on_wire_record)
        try:
            return await effects.without_effect(request, accepted(request, read(ANSWERS / f"{request.name}.json")))
        finally:
            await watch.close()
            await fixtures.close()


@pytest.mark.timeout(3600)
async def test_each_accepted_field_changes_something(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    idle = [f"{each.name} {field}" for each in REQUESTS[::EVERY] for field in await idle_fields(cloud, each)]
    assert not idle, "\n".join(idle)
