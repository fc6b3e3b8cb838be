"""The stock ``openstack`` command and openstacksdk against identity alone."""

import json
from typing import Any

import pytest

from support.cloud import ACloud, TestCloud


@pytest.fixture
async def identity(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity",))


async def openstack_json(identity: TestCloud, *words: str, user: str = "admin") -> Any:
    return json.loads(await identity.openstack(*words, "-f", "json", user=user))


async def test_the_command_gets_a_token_and_reads_the_catalogue(identity: TestCloud) -> None:
    token = await openstack_json(identity, "token", "issue", user="demo")
    demo = await identity.http("demo")
    assert token["project_id"] == demo.project_id
    catalog = await openstack_json(identity, "catalog", "list", user="demo")
    assert {service["Type"] for service in catalog} == {"identity", "image", "volumev3", "block-storage", "compute"}


async def test_the_command_creates_a_project_with_a_user_and_a_role(identity: TestCloud) -> None:
    project = await openstack_json(identity, "project", "create", "engine", "--description", "analytical")
    user = await openstack_json(
        identity, "user", "create", "ada", "--project", "engine", "--password", "lace", "--email", "a@b"
    )
    assert user["default_project_id"] == project["id"]
    role = await openstack_json(identity, "role", "create", "inventor")
    await identity.openstack("role", "add", "--user", "ada", "--project", "engine", "inventor", user="admin")
    assignments = await openstack_json(identity, "role", "assignment", "list", "--user", "ada", "--names")
    assert [(row["Role"], row["Project"]) for row in assignments] == [("inventor", "engine@Default")]
    await identity.openstack("user", "set", "--password", "new", "--description", "countess", "ada", user="admin")
    assert (await openstack_json(identity, "user", "show", "ada"))["description"] == "countess"
    await identity.openstack("role", "remove", "--user", "ada", "--project", "engine", "inventor", user="admin")
    for entity, name in (("user", "ada"), ("project", "engine"), ("role", "inventor")):
        await identity.openstack(entity, "delete", name, user="admin")
    assert role["id"] not in {row["ID"] for row in await openstack_json(identity, "role", "list")}


async def test_the_sdk_authenticates_and_gets_readable_errors(identity: TestCloud) -> None:
    import openstack.exceptions

    def look(connection: Any) -> tuple[str, list[str]]:
        user = connection.identity.get_user(connection.current_user_id)
        return user.name, [project.name for project in connection.identity.user_projects(user)]

    assert await identity.sdk(look) == ("demo", ["demo"])
    with pytest.raises(openstack.exceptions.ForbiddenException, match="identity:list_users"):
        await identity.sdk(lambda connection: list(connection.identity.users()))


async def test_the_sdk_administers(identity: TestCloud) -> None:
    def work(connection: Any) -> list[str]:
        domain = connection.identity.create_domain(name="island", description=None)
        group = connection.identity.create_group(name="crew", domain_id=domain.id)
        user = connection.identity.create_user(name="robinson", domain_id=domain.id, password="friday")
        connection.identity.add_user_to_group(user, group)
        role = connection.identity.find_role("member")
        connection.identity.assign_domain_role_to_group(domain, group, role)
        names = [member.name for member in connection.identity.group_users(group)]
        connection.identity.update_domain(domain, is_enabled=False)
        connection.identity.delete_domain(domain)
        return names

    assert await identity.sdk(work, user="admin") == ["robinson"]
