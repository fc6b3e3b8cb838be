"""The clock of a whole cloud is moved: what is to run out does, and who lives on does not."""

from datetime import UTC, datetime, timedelta

from stackwire.core.clock import Clock
from support.builders.images import an_image
from support.builders.servers import a_server, get_server
from support.cloud import ACloud, JsonClient
from support.polling import until

DELAYED = {"image": {"delayed_delete": True, "scrub_time": 600}}


async def issued_at(client: JsonClient) -> datetime:
    """When its token was issued."""
    headers = {"X-Subject-Token": client.token}
    token = (await client.get("identity", "/v3/auth/tokens", headers=headers)).ok().json["token"]
    return datetime.fromisoformat(token["issued_at"])


async def test_a_day_later_tokens_have_expired_and_hosts_are_up(a_cloud: ACloud) -> None:
    clock = Clock()
    cloud = await a_cloud(clock=clock)
    client = await cloud.http()
    before, image = await issued_at(client), await an_image(client)
    server = await a_server(cloud, client, imageRef=image)
    await clock.advance(timedelta(hours=25))

    for service, path in (
        ("image", "/v2/images"), ("volume", "/v3/{project_id}/volumes"), ("compute", "/v2.1/servers"),
    ):  # fmt: skip
        (await client.get(service, path)).ok(401)
    again, admin = await cloud.log_in_again(), await cloud.log_in_again("admin")
    assert await issued_at(again) - before >= timedelta(hours=25)
    services = (await admin.get("compute", "/v2.1/os-services")).ok().json["services"]
    assert {service["state"] for service in services} == {"up"}

    await cloud.settle()
    assert (await get_server(again, server))["status"] == "ACTIVE"
    late = await get_server(again, await a_server(cloud, again, imageRef=image))
    assert datetime.fromisoformat(late["created"]) > datetime.now(UTC) + timedelta(hours=24)


async def test_what_is_due_is_done_when_the_clock_is_moved(a_cloud: ACloud) -> None:
    clock = Clock()
    cloud = await a_cloud(clock=clock, services=("identity", "image"), settings=DELAYED)
    client = await cloud.http()
    image = await an_image(client)
    (await client.delete("image", f"/v2/images/{image}")).ok(204)

    async def is_in(status: str) -> bool:
        return (await cloud.rows("image", "SELECT status FROM images WHERE id = $1", image))[0]["status"] == status

    assert await is_in("pending_delete")
    await clock.advance(timedelta(minutes=11))
    await until(lambda: is_in("deleted"))
