"""Of 64 requests at once as many are granted as the limit has room for: every quota is exact."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from support.builders.images import an_image
from support.builders.servers import (
    SERVER_VERSION,
    SERVERS,
    SMALL_FLAVOR,
    TINY_FLAVOR,
    a_server,
    request_server,
    server_action,
)
from support.builders.volumes import VOLUME_VERSION, VOLUMES, request_backup
from support.cloud import Answer, ASharedCloud, JsonClient, TestCloud

V = "/v3/{project_id}"
RACERS = 64
FREED = ("volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes", "gigabytes___DEFAULT__")
"""What has no limit before the next race."""
GRANTED = 5
"""How many of the racers there is room for."""
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxJ9mFpkqGVHWpPiNGTk6dRAGZBoBkQhAFBHGNUDJ+j racer"


@dataclass
class Race:
    """The cloud, and who races in it; ``volumes``: as many available ones as there are racers, of 1 GiB."""

    cloud: TestCloud
    demo: JsonClient
    admin: JsonClient
    image: str
    volumes: Sequence[str] = ()

    async def limit(self, service: str, client: JsonClient | None = None, **limits: int) -> None:
        path = f"{'/v2.1' if service == 'compute' else V}/os-quota-sets/{(client or self.demo).project_id}"
        (await self.admin.put(service, path, json={"quota_set": limits})).ok(200)

    async def used(self, name: str) -> int:
        path = f"{V}/os-quota-sets/{self.demo.project_id}?usage=true"
        return int((await self.admin.get("volume", path)).ok(200).json["quota_set"][name]["in_use"])

    async def volume_type(self) -> str:
        name = f"type-{uuid.uuid4().hex[:8]}"
        (await self.admin.post("volume", f"{V}/types", json={"volume_type": {"name": name}})).ok(200)
        return name

    def new_volume(self, **fields: Any) -> Awaitable[Answer]:
        return self.demo.post("volume", VOLUMES, json={"volume": {"size": 1, **fields}}, headers=VOLUME_VERSION)


@pytest.fixture
async def race(a_shared_cloud: ASharedCloud) -> AsyncIterator[Race]:
    cloud = await a_shared_cloud(settings={"compute": {"allow_resize_to_same_host": True, "host_vcpus": 512}})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    race = Race(cloud, demo, admin, await an_image(demo))
    listed = (await demo.get("volume", f"{VOLUMES}?name=racer")).ok(200).json["volumes"]
    if not listed:
        await race.limit("volume", volumes=-1, gigabytes=-1, snapshots=-1)
        made = await asyncio.gather(*(race.new_volume(name="racer") for _ in range(RACERS)))
        listed = [answer.ok(202).json["volume"] for answer in made]
        await cloud.settle()
    race.volumes = [volume["id"] for volume in listed]
    yield race
    await cloud.settle()
    await race.limit("volume", **dict.fromkeys(FREED, -1))


Racer = Callable[[int], Awaitable[Answer]]


async def volumes(race: Race) -> Racer:
    await race.limit("volume", volumes=await race.used("volumes") + GRANTED)
    return lambda _: race.new_volume()


async def gigabytes(race: Race) -> Racer:
    await race.limit("volume", gigabytes=await race.used("gigabytes") + GRANTED)
    return lambda _: race.new_volume()


async def gigabytes_of_extended_volumes(race: Race) -> Racer:
    await race.limit("volume", gigabytes=await race.used("gigabytes") + GRANTED)
    return await extensions(race)


async def gigabytes_of_extended_volumes_of_a_type(race: Race) -> Racer:
    name = "gigabytes___DEFAULT__"
    await race.limit("volume", **{name: await race.used(name) + GRANTED})
    return await extensions(race)


async def extensions(race: Race) -> Racer:
    """Each by 1 GiB."""
    shown = (await race.demo.get("volume", f"{VOLUMES}/detail?name=racer")).ok(200).json["volumes"]
    sizes = {volume["id"]: volume["size"] for volume in shown}
    return lambda n: act(race, n, "os-extend", {"new_size": sizes[race.volumes[n]] + 1})


async def volumes_of_a_type(race: Race) -> Racer:
    name = await race.volume_type()
    await race.limit("volume", **{f"volumes_{name}": GRANTED})
    return lambda _: race.new_volume(volume_type=name)


async def gigabytes_of_a_type(race: Race) -> Racer:
    name = await race.volume_type()
    await race.limit("volume", **{f"gigabytes_{name}": 2 * GRANTED + 1})
    return lambda _: race.new_volume(volume_type=name, size=2)


async def volumes_retyped_to_a_type(race: Race) -> Racer:
    name = await race.volume_type()
    await race.limit("volume", **{f"volumes_{name}": GRANTED})
    return lambda n: act(race, n, "os-retype", {"new_type": name})


async def snapshots(race: Race) -> Racer:
    await race.limit("volume", snapshots=await race.used("snapshots") + GRANTED)
    return lambda n: race.demo.post("volume", f"{V}/snapshots", json={"snapshot": {"volume_id": race.volumes[n]}})


async def backups(race: Race) -> Racer:
    await race.limit("volume", backups=await race.used("backups") + GRANTED)
    return lambda n: request_backup(race.demo, race.volumes[n])


async def backup_gigabytes(race: Race) -> Racer:
    await race.limit("volume", backup_gigabytes=await race.used("backup_gigabytes") + GRANTED)
    return lambda n: request_backup(race.demo, race.volumes[n])


async def groups(race: Race) -> Racer:
    kind = await race.volume_type()
    body = {"group_type": {"name": f"group-{kind}"}}
    made = await race.admin.post("volume", f"{V}/group_types", json=body, headers=VOLUME_VERSION)
    group = {"group_type": made.ok(202).json["group_type"]["id"], "volume_types": [kind]}
    await race.limit("volume", groups=await race.used("groups") + GRANTED)
    return lambda _: race.demo.post("volume", f"{V}/groups", json={"group": group}, headers=VOLUME_VERSION)


async def accepted_transfers(race: Race) -> Racer:
    """Volumes that are given to another project, which has room for some of them."""
    alt = await race.cloud.http("alt")
    bodies = [{"transfer": {"volume_id": volume}} for volume in race.volumes]
    made = await asyncio.gather(*(race.demo.post("volume", f"{V}/os-volume-transfer", json=body) for body in bodies))
    transfers = [answer.ok(202).json["transfer"] for answer in made]
    await race.limit("volume", alt, volumes=GRANTED)

    async def accept(n: int) -> Answer:
        path, key = f"{V}/os-volume-transfer/{transfers[n]['id']}/accept", {"auth_key": transfers[n]["auth_key"]}
        answer = await alt.post("volume", path, json={"accept": key})
        if answer.status != 202:
            (await race.demo.delete("volume", f"{V}/os-volume-transfer/{transfers[n]['id']}")).ok(202)
        return answer

    return accept


def act(race: Race, n: int, action: str, value: dict[str, Any]) -> Awaitable[Answer]:
    path = f"{VOLUMES}/{race.volumes[n]}/action"
    return race.demo.post("volume", path, json={action: value}, headers=VOLUME_VERSION)


def boots(resource: str, each: int) -> Callable[[Race], Awaitable[Racer]]:
    """Servers of the tiny flavor, of which each takes ``each`` of the resource."""

    async def servers(race: Race) -> Racer:
        absolute = (await race.demo.get("compute", "/v2.1/limits")).ok(200).json["limits"]["absolute"]
        used = absolute[{"instances": "totalInstancesUsed", "cores": "totalCoresUsed", "ram": "totalRAMUsed"}[resource]]
        wide = {"instances": -1, "cores": -1, "ram": -1}
        await race.limit("compute", **wide | {resource: used + GRANTED * each})
        return lambda _: request_server(race.demo, imageRef=race.image)

    servers.__name__ = resource
    return servers


async def ram_of_resized_servers(race: Race) -> Racer:
    """From m1.tiny to m1.small, which has 512 MiB more."""
    await race.limit("compute", instances=-1, cores=-1, ram=-1)
    for each in (await race.demo.get("compute", SERVERS)).ok(200).json["servers"]:
        (await race.demo.delete("compute", f"{SERVERS}/{each['id']}")).ok(204)
    await race.cloud.settle()
    (await request_server(race.demo, imageRef=race.image, min_count=RACERS, max_count=RACERS)).ok(202)
    await race.cloud.settle()
    servers = [each["id"] for each in (await race.demo.get("compute", SERVERS)).ok(200).json["servers"]]
    await race.limit("compute", ram=RACERS * 512 + GRANTED * 512)
    return lambda n: server_action(race.demo, servers[n], resize={"flavorRef": SMALL_FLAVOR})


async def key_pairs(race: Race) -> Racer:
    await race.limit("compute", key_pairs=GRANTED)
    names = itertools.count()
    return lambda _: race.demo.post(
        "compute", "/v2.1/os-keypairs", json={"keypair": {"name": f"racer-{next(names)}", "public_key": PUBLIC_KEY}}
    )


async def server_groups(race: Race) -> Racer:
    await race.limit("compute", server_groups=GRANTED)
    body = {"server_group": {"name": "racer", "policies": ["soft-affinity"]}}
    headers = {"OpenStack-API-Version": "compute 2.15"}
    return lambda _: race.demo.post("compute", "/v2.1/os-server-groups", json=body, headers=headers)


async def server_group_members(race: Race) -> Racer:
    await race.limit("compute", server_groups=-1, instances=-1, cores=-1, ram=-1, server_group_members=GRANTED)
    body = {"server_group": {"name": "racer", "policies": ["soft-affinity"]}}
    headers = {"OpenStack-API-Version": "compute 2.15"}
    made = await race.demo.post("compute", "/v2.1/os-server-groups", json=body, headers=headers)
    hints = {"group": made.ok(200).json["server_group"]["id"]}
    server = {"name": "racer", "flavorRef": TINY_FLAVOR, "networks": "none", "imageRef": race.image}
    whole = {"server": server, "os:scheduler_hints": hints}
    return lambda _: race.demo.post("compute", SERVERS, json=whole, headers=SERVER_VERSION)


async def metadata_items(race: Race) -> Racer:
    await race.limit("compute", instances=-1, cores=-1, ram=-1, metadata_items=GRANTED)
    server = await a_server(race.cloud, race.demo, imageRef=race.image)
    return lambda n: race.demo.post("compute", f"{SERVERS}/{server}/metadata", json={"metadata": {f"key{n}": "value"}})


async def metadata_items_one_by_one(race: Race) -> Racer:
    await race.limit("compute", instances=-1, cores=-1, ram=-1, metadata_items=GRANTED)
    server = await a_server(race.cloud, race.demo, imageRef=race.image)
    path = f"{SERVERS}/{server}/metadata"
    return lambda n: race.demo.put("compute", f"{path}/key{n}", json={"meta": {f"key{n}": "value"}})


async def tags(race: Race) -> Racer:
    """Of which a server can have 50."""
    await race.limit("compute", instances=-1, cores=-1, ram=-1)
    server = await a_server(race.cloud, race.demo, imageRef=race.image)
    path = f"{SERVERS}/{server}/tags"
    many = {"tags": [f"first{n}" for n in range(50 - GRANTED)]}
    (await race.demo.put("compute", path, json=many, headers=SERVER_VERSION)).ok(200)
    return lambda n: race.demo.put("compute", f"{path}/tag{n}", headers=SERVER_VERSION)


RACES: list[tuple[Callable[[Race], Awaitable[Racer]], int]] = [
    (volumes, 413),
    (gigabytes, 413),
    (volumes_of_a_type, 413),
    (gigabytes_of_a_type, 413),
    (snapshots, 413),
    (backups, 413),
    (backup_gigabytes, 413),
    (gigabytes_of_extended_volumes, 413),
    (gigabytes_of_extended_volumes_of_a_type, 413),
    (volumes_retyped_to_a_type, 413),  # after those that need the default type
    (groups, 413),
    (accepted_transfers, 413),
    (boots("instances", 1), 403),
    (boots("cores", 1), 403),
    (boots("ram", 512), 403),
    (ram_of_resized_servers, 403),
    (key_pairs, 403),
    (server_groups, 403),
    (server_group_members, 403),
    (metadata_items, 403),
    (metadata_items_one_by_one, 403),
    (tags, 400),
]
"""Who races, and what those are answered for whom there is no room."""


@pytest.mark.parametrize(("racers", "refusal"), RACES, ids=[racers.__name__ for racers, _ in RACES])
async def test_a_limit_has_room_for_no_more_of_64_racers(race: Race, racers: Any, refusal: int) -> None:
    racer = await racers(race)
    answers = await asyncio.gather(*(racer(n) for n in range(RACERS)))
    granted = [answer.status for answer in answers if answer.status < 300]
    refused = {answer.status for answer in answers if answer.status >= 300}
    assert (len(granted), refused) == (GRANTED, {refusal})
