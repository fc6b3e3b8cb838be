"""python-cinderclient's day's work: what its users do with types, volumes, snapshots, backups, groups and moves."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cinderclient.client import Client
from cinderclient.exceptions import ClientException, NotFound
from cinderclient.shell import OpenStackCinderShell

from support.builders.images import an_image
from support.cloud import ACloud, TestCloud
from support.polling import shortened_sleep

NEWEST = "3.71"
FOR_NAMES = "3.51"
"""Since 3.52 a Cinder, like this one, knows no filter by a type's name, which the command asks for."""
FILES = "stackwire@files#files"
BACKENDS = "[backends.files]\n[backends.far]\n"
pytestmark = pytest.mark.slow


@pytest.fixture
async def cloud(a_cloud: ACloud, tmp_path: Path) -> TestCloud:
    path = tmp_path / "backends.toml"
    path.write_text(BACKENDS)
    return await a_cloud(services=("identity", "image", "volume"), settings={"volume": {"backends": path}})


def cinder(connection: Any, version: str = NEWEST) -> Any:
    return Client(version, session=connection.session, region_name="RegionOne")


def until(get: Callable[[], Any], *statuses: str) -> Any:
    """What ``get`` returns, once it has one of these statuses."""
    deadline = time.monotonic() + 60
    while (found := get()).status not in statuses:
        assert not str(found.status).startswith("error"), found.to_dict()
        assert time.monotonic() < deadline, found.to_dict()
        shortened_sleep(1)
    return found


def until_moved(get: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while get().migration_status != "success":
        assert time.monotonic() < deadline
        shortened_sleep(1)


def gone(get: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    with contextlib.suppress(NotFound):
        while time.monotonic() < deadline:
            get()
            shortened_sleep(1)
        raise AssertionError("it is still there")


async def test_an_administrator_makes_types_that_volumes_are_of(cloud: TestCloud) -> None:
    def work(connection: Any) -> None:
        client = cinder(connection)
        made = client.volume_types.create("secret", description="for the few", is_public=False)
        made.set_keys({"volume_backend_name": "files", "replication_enabled": "<is> False"})
        made.unset_keys(["replication_enabled"])
        assert client.volume_types.get(made.id).extra_specs == {"volume_backend_name": "files"}
        client.volume_type_access.add_project_access(made, connection.current_project_id)
        assert [each.project_id for each in client.volume_type_access.list(made)] == [connection.current_project_id]
        client.volume_type_access.remove_project_access(made, connection.current_project_id)
        luks = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256, "control_location": "front-end"}
        client.volume_encryption_types.create(made, luks)
        client.volume_encryption_types.update(made, {"cipher": "aes-xts-plain64", "key_size": 512})
        assert client.volume_encryption_types.get(made).key_size == 512
        client.volume_encryption_types.delete(made)
        qos = client.qos_specs.create("fast", {"consumer": "front-end", "total_iops_sec": "100"}).id
        client.qos_specs.set_keys(qos, {"total_bytes_sec": "1000"})
        client.qos_specs.associate(qos, made.id)
        assert [each.name for each in client.qos_specs.get_associations(qos)] == ["secret"]
        client.qos_specs.disassociate(qos, made.id)
        client.qos_specs.unset_keys(qos, ["total_bytes_sec"])
        client.qos_specs.delete(qos)
        client.volume_types.update(made, name="open", description="for all", is_public=True)
        client.default_types.create(made.id, connection.current_project_id)
        assert client.default_types.list(connection.current_project_id).volume_type_id == made.id
        client.default_types.delete(connection.current_project_id)
        client.volume_types.delete(made)

        services = {(each.binary, each.host): each.status for each in client.services.list()}
        assert services["cinder-backup", "stackwire"] == "enabled"
        client.services.disable_log_reason("stackwire@far", "cinder-volume", "for a while")
        client.services.enable("stackwire@far", "cinder-volume")
        client.services.freeze_host("stackwire@far")
        client.services.thaw_host("stackwire@far")
        project = connection.current_project_id
        client.quotas.update(project, volumes=20, gigabytes=200)
        assert (client.quotas.get(project).volumes, client.quotas.defaults(project).volumes) == (20, 10)
        assert client.quotas.get(project, usage=True).volumes["in_use"] == 0
        client.quotas.delete(project)
        client.quota_classes.update("default", volumes=30)
        assert client.quota_classes.get("default").volumes == 30
        assert [pool.name for pool in client.pools.list(detailed=True)] == [FILES, "stackwire@far#far"]
        assert client.capabilities.get("stackwire@files").volume_backend_name == "files"
        assert {each.resource for each in client.resource_filters.list()} >= {"volume", "snapshot", "backup"}
        assert [zone.zoneName for zone in client.availability_zones.list(detailed=False)] == ["nova"]
        assert client.limits.get().to_dict()["absolute"]["maxTotalVolumes"] == 30

    await cloud.sdk(work, user="admin")


async def test_a_user_works_with_volumes_and_what_comes_of_them(cloud: TestCloud) -> None:
    image = await an_image(await cloud.http("demo"), team="storage")
    alt_project = (await cloud.http("alt")).project_id
    given: dict[str, str] = {}

    def work(connection: Any) -> None:
        client = cinder(connection)
        volume = client.volumes.create(1, name="v", imageRef=image, metadata={"purpose": "day"})
        until(lambda: client.volumes.get(volume.id), "available")
        client.volumes.set_metadata(volume, {"more": "1"})
        client.volumes.delete_metadata(volume, ["more"])
        client.volumes.set_image_metadata(volume, {"new": "1"})
        client.volumes.delete_image_metadata(volume, ["new"])
        assert client.volumes.show_image_metadata(volume)[1]["metadata"]["team"] == "storage"
        client.volumes.update(volume, name="renamed", description="of the day")
        client.volumes.set_bootable(volume, True)
        client.volumes.update_readonly_flag(volume, False)
        summary = client.volumes.summary(all_tenants=False)["volume-summary"]
        assert (summary["total_count"], summary["total_size"]) == (1, 1)

        snapshot = client.volume_snapshots.create(volume.id, name="s", metadata={"k": "v"})
        until(lambda: client.volume_snapshots.get(snapshot.id), "available")
        client.volume_snapshots.set_metadata(snapshot, {"k": "w"})
        client.volume_snapshots.update(snapshot, name="renamed")
        client.volumes.revert_to_snapshot(volume, snapshot)
        until(lambda: client.volumes.get(volume.id), "available")
        copy = client.volumes.create(1, snapshot_id=snapshot.id)
        clone = client.volumes.create(1, source_volid=volume.id)
        for each in (copy, clone):
            until(lambda each=each: client.volumes.get(each.id), "available")

        client.volumes.extend(clone, 2)
        until(lambda: client.volumes.get(clone.id), "available")
        backup = client.backups.create(volume.id, name="b")
        until(lambda: client.backups.get(backup.id), "available")
        second = client.backups.create(volume.id, incremental=True)
        until(lambda: client.backups.get(second.id), "available")
        restored = client.restores.restore(backup.id, volume_id=copy.id)
        assert restored.volume_id == copy.id
        until(lambda: client.volumes.get(copy.id), "available")
        fresh = client.volumes.create(1, backup_id=second.id)
        until(lambda: client.volumes.get(fresh.id), "available")

        _, uploaded = client.volumes.upload_to_image(volume, False, "up", "bare", "raw", "private", False)
        assert uploaded["os-volume_upload_image"]["status"] == "uploading"
        until(lambda: client.volumes.get(volume.id), "available")
        client.volumes.reimage(volume, image)
        until(lambda: client.volumes.get(volume.id), "available")
        attachment = client.attachments.create(clone.id, None, mode="rw")["id"]
        assert [each.id for each in client.attachments.list()] == [attachment]
        client.attachments.delete(attachment)
        until(lambda: client.volumes.get(clone.id), "available")
        transfer = client.transfers.create(clone.id, name="gift")
        given.update(id=transfer.id, key=transfer.auth_key, clone=clone.id)
        for each in (second, backup):
            client.backups.delete(each)
            gone(lambda each=each: client.backups.get(each.id))
        client.volume_snapshots.delete(snapshot)
        gone(lambda: client.volume_snapshots.get(snapshot.id))
        for each in (copy, fresh, volume):
            client.volumes.delete(each)
            gone(lambda each=each: client.volumes.get(each.id))
        assert client.messages.list() == []

    def accept(connection: Any) -> None:
        client = cinder(connection)
        client.transfers.accept(given["id"], given["key"])
        assert client.volumes.get(given["clone"]).to_dict()["os-vol-tenant-attr:tenant_id"] == alt_project
        client.volumes.delete(given["clone"])
        gone(lambda: client.volumes.get(given["clone"]))

    await cloud.sdk(work)
    await cloud.sdk(accept, user="alt")


async def test_an_administrator_moves_manages_and_groups_volumes(cloud: TestCloud) -> None:
    def work(connection: Any) -> None:
        client = cinder(connection)
        here = client.volume_types.create("here")
        here.set_keys({"volume_backend_name": "files"})
        volume = client.volumes.create(1)
        until(lambda: client.volumes.get(volume.id), "available")
        client.volumes.migrate_volume(volume, "stackwire@far#far", False, True)
        until_moved(lambda: client.volumes.get(volume.id))
        client.volumes.retype(volume, "here", "on-demand")
        moved = until(lambda: client.volumes.get(volume.id), "available")
        assert (getattr(moved, "os-vol-host-attr:host"), moved.volume_type) == (FILES, "here")
        client.volumes.unmanage(volume)
        gone(lambda: client.volumes.get(volume.id))
        (found,) = client.volumes.list_manageable(FILES, detailed=True)
        managed = client.volumes.manage(FILES, found.reference, name="back", volume_type="here")
        until(lambda: client.volumes.get(managed.id), "available")

        kind = client.group_types.create("kind", description="of groups")
        kind.set_keys({"consistent_group_snapshot_enabled": "<is> False"})
        group = client.groups.create(kind.id, here.id, name="g")
        until(lambda: client.groups.get(group.id), "available")
        client.groups.update(group, name="h", add_volumes=managed.id)
        until(lambda: client.groups.get(group.id), "available")
        snapshot = client.group_snapshots.create(group.id, name="gs")
        until(lambda: client.group_snapshots.get(snapshot.id), "available")
        copy = client.groups.create_from_src(snapshot.id, None, name="copy")
        until(lambda: client.groups.get(copy["id"]), "available")
        client.group_snapshots.delete(snapshot)
        gone(lambda: client.group_snapshots.get(snapshot.id))
        for each in (copy["id"], group.id):
            client.groups.delete(each, delete_volumes=True)
            gone(lambda each=each: client.groups.get(each))
        client.volumes.reset_state(client.volumes.create(1), "error")
        client.group_types.delete(kind)

    await cloud.sdk(work, user="admin")


COMMANDS = """
absolute-limits; api-version; availability-zone-list; list; show v; metadata v set a=1; metadata-show v;
metadata v unset a; image-metadata v set team=x; image-metadata-show v; image-metadata v unset team;
rename v w; rename w v; set-bootable v True; readonly-mode-update v False; snapshot-create v --name s;
snapshot-list; snapshot-show s; snapshot-metadata s set k=v; snapshot-metadata-show s; snapshot-rename s s;
backup-create v --name b; backup-list; backup-show b; backup-update b --name b; type-list;
type-show __DEFAULT__; type-default; extra-specs-list; rate-limits; transfer-list;
group-list; group-snapshot-list; group-type-list; message-list; attachment-list;
list-filters; version-list; summary; list --filters name=v; snapshot-list --filters status=available;
snapshot-delete s; backup-delete b; delete v
"""
ADMIN_COMMANDS = """
service-list; quota-class-show default; get-pools --detail; get-capabilities stackwire@files; type-create t;
type-key t set volume_backend_name=files;
encryption-type-create t luks --control-location front-end; encryption-type-list; encryption-type-show t;
encryption-type-update t --cipher aes-xts-plain64; encryption-type-delete t; qos-create q a=1; qos-list;
group-type-create k; group-type-key k set a=1;
group-type-show k; group-type-delete k; service-disable stackwire@far cinder-volume;
service-enable stackwire@far cinder-volume; manageable-list stackwire@files#files;
snapshot-manageable-list stackwire@files#files; cluster-list; type-delete t
"""


@contextlib.contextmanager
def said(line: str, printed: io.StringIO) -> Iterator[None]:
    """A command that ends by itself ends the test with what it said."""
    try:
        yield
    except (SystemExit, ClientException) as ended:
        raise AssertionError(f"cinder {line}: {ended} {printed.getvalue()[-500:]}") from ended


async def test_the_cinder_command_shows_what_there_is(cloud: TestCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command ends well; what it prints is its own."""
    login = {
        "OS_AUTH_URL": cloud.auth_url, "OS_PASSWORD": "secret", "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne", "OS_VOLUME_API_VERSION": FOR_NAMES,
        "OS_AUTH_TYPE": "password",
    }  # fmt: skip

    def run(user: str, *lines: str) -> None:
        for key, value in {"OS_USERNAME": user, "OS_PROJECT_NAME": user, **login}.items():
            monkeypatch.setenv(key, value)
        for line in lines:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), said(line, printed):
                OpenStackCinderShell().main(line.split())
            assert "ERROR" not in printed.getvalue(), line

    def commands(text: str) -> list[str]:
        return [command.strip() for command in text.replace("\n", ";").split(";") if command.strip()]

    def work(_: Any) -> None:
        run("demo", "create 1 --name v --poll")
        for command in commands(COMMANDS):
            run("demo", command)
            wait()
        run("admin", *commands(ADMIN_COMMANDS))

    def wait() -> None:
        shortened_sleep(1)

    await cloud.sdk(work)
