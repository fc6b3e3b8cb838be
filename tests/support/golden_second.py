"""The second recorded journey: resize, migration, evacuation, rescue, shelving, backups, groups, proxies, errors."""

import gzip
import re
from typing import Any

from stackwire.compare import normal
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS
from support.cloud import JsonClient, TestCloud
from support.golden import Names
from support.golden_replay import SETTLE_TIMEOUT_SECONDS, GoldenReplay
from support.polling import until

BACKENDS = """
[backends.file]
[backends.file2]
[backends.cache]
image_volume_cache_enabled = true
"""
TYPES = {
    "file": {"volume_backend_name": "file"},
    "file-b": {"volume_backend_name": "file", "meta:tier": "gold"},
    "file2": {"volume_backend_name": "file2"},
    "cached": {"volume_backend_name": "cache"},
}
INTERNAL = "001153d07cf0439eb7bcc2884a2a3fe6"
"""The project and user of the image-volume cache."""
SETTINGS: dict[str, dict[str, Any]] = {
    "compute": {
        "enabled_filters": (*DEFAULT_FILTERS, "AggregateImagePropertiesIsolation"),
        "sweep_seconds": 40.0,  # a host counts as down after 60 s
    },
    "volume": {"cinder_internal_tenant_project_id": INTERNAL, "cinder_internal_tenant_user_id": INTERNAL},
}
QUOTAS = (
    ("compute", "/v2.1/os-quota-sets", "instances cores"),
    ("volume", "/v3/os-quota-sets", "volumes gigabytes snapshots backups backup_gigabytes groups"),
)
SERVICES = {"OpenStack-API-Version": "compute 2.53"}
NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"
DEPLOYMENT = {
    "source_compute", "dest_compute", "source_node", "dest_node", "dest_host", "source_host", "migration_host",
    "auth_key", "salt", "cluster_name", "object_prefix", "container", "pool_name", "service_host", "hostname",
    "migrate_host", "new_pass", "dest_compute_id", "encryption_key_id", "cinder_encryption_key_id", "crypt_hash",
    "new_host", "old_host", "hosts", "disabled_reason", "volume_type_id", "type_name", "aggregate_id", "compute_id",
    "traceback", "report_count", "last_seen_up",
}  # fmt: skip
"""What this journey's recordings leave to the deployment beyond the first one's."""
ALWAYS = {"service_uuid", "shared_targets"}
"""Written a moment after a volume: what the first look sees was a race."""
SETS = {"members", "_changed_fields"}
WORDS = (
    (re.compile(r"\b(compute-[12]|stackwire)\b(?![\w.])"), "<host>"),
    (re.compile(r"<host>@[\w.-]+(#[\w.-]+)?"), "<backend>"),
    (re.compile(r"/os-aggregates/\d+"), "/os-aggregates/<int>"),
    (re.compile(r"/migrations/\d+"), "/migrations/<int>"),
    (re.compile(r"aggregate \d+"), "aggregate <int>"),
    (re.compile(r"instance-[0-9a-f]{8}\b"), "<instance_name>"),
    (re.compile(r"_\d{14}_backup_"), "_<stamp>_backup_"),
)


class SecondNames(Names):
    """``aliases``: names that only requests use, where a recording calls several ids the same."""

    deployment = frozenset(normal.DEPLOYMENT | DEPLOYMENT)
    aliases: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.aliases = {"<no-such-id>": NO_SUCH_ID, "<int>": "999999"}
        self.bind("<no-such-id>", NO_SUCH_ID)

    def id_of(self, name: str) -> str | None:
        return self.aliases.get(name) or super().id_of(name)

    def unknown(self, text: str) -> bool:
        for alias in self.aliases:
            text = text.replace(alias, "")
        return super().unknown(text)

    def normal(self, value: Any, key: str = "") -> Any:
        if key in ALWAYS or (key in DEPLOYMENT and value is not None and not isinstance(value, dict | list)):
            return f"<{key}>"
        found = super().normal(value, key)
        if isinstance(found, list) and key in SETS and all(isinstance(each, str) for each in found):
            found.sort()
        return found

    def _word(self, text: str) -> str:
        text = super()._word(text)
        for pattern, word in WORDS:
            text = pattern.sub(word, text)
        return text

    def learn(self, recorded: Any, ours: Any) -> None:
        if isinstance(ours, dict) and "auth_key" in ours:
            self.aliases["<auth_key>"] = ours["auth_key"]
        super().learn(recorded, ours)


class SecondReplay(GoldenReplay):
    """Also an administrator's exchanges, and what was done to the machines between them."""

    journey = "golden2"
    names: SecondNames

    def __init__(
        self,
        cloud: TestCloud,
        settings: dict[str, dict[str, Any]],
        demo: JsonClient,
        user_id: str,
        admin: JsonClient,
        admin_id: str,
    ) -> None:
        super().__init__(cloud, demo, user_id)
        self._settings = settings
        self._admin = admin
        self.names.bind("<admin-project>", admin.project_id)
        self.names.bind("<admin-user>", admin_id)
        self._hooks = {
            ("volume_manage_unmanage", 2): self._leave_a_file,
            ("server_evacuate", 0): self._name_hosts,
            ("server_evacuate", 16): self._host_returns,
            ("server_soft_delete_restore", 3): self._put_deletion_off,
        }

    def new_names(self) -> SecondNames:
        return SecondNames()

    def client(self, exchange: dict[str, Any]) -> JsonClient:
        return self._admin if exchange.get("as") == "admin" else self._demo

    async def before(self, flow: str, at: int) -> None:
        await self._cloud.settle(SETTLE_TIMEOUT_SECONDS)
        if hook := self._hooks.get((flow, at)):
            await hook()

    async def give_room(self) -> None:
        """One project makes the whole journey."""
        for service, path, names in QUOTAS:
            body = {"quota_set": dict.fromkeys(names.split(), 1000)}
            (await self._admin.put(service, f"{path}/{self._demo.project_id}", json=body)).ok()

    async def make_types(self) -> None:
        """The recorded cloud's volume types."""
        for name, specs in TYPES.items():
            body = {"volume_type": {"name": name, "extra_specs": specs}}
            made = (await self._admin.post("volume", "/v3/types", json=body)).ok().json["volume_type"]
            if name == "file":  # the one whose id the recordings name
                self.names.bind("<type-file>", made["id"])
        path, version = f"/v3/default-types/{self._demo.project_id}", {"OpenStack-API-Version": "volume 3.62"}
        body = {"default_type": {"volume_type": "file"}}
        (await self._admin.put("volume", path, json=body, headers=version)).ok()

    def _bytes(self, path: str, size: int) -> bytes:
        name = self.names.by_id[path.split("/")[3]]
        if name == "<img-gz>":
            return gzip.compress(bytes(1 << 20), mtime=0)
        return bytes(size) if name == "<img-notgz>" else super()._bytes(path, size)

    async def _leave_a_file(self) -> None:
        """What is to be managed lies on the back end before."""
        (folder,) = self._cloud.cloud.options.data_dir.rglob("volumes-file")
        (folder / "unmanaged-one").write_bytes(bytes(1 << 20))
        self.names.aliases["<backend-file>"] = "stackwire@file#file"

    async def _name_hosts(self) -> None:
        """Nothing sweeps from here on until a host returns."""
        await self._cloud.cloud.restart("compute")
        answer = (await self._admin.get("compute", "/v2.1/os-services?binary=nova-compute", headers=SERVICES)).ok().json
        for number, service in enumerate(sorted(answer["services"], key=lambda each: str(each["host"])), 1):
            self.names.bind("<compute-service>", service["id"])
            self.names.aliases[f"<compute-service-{number}>"] = service["id"]

    async def _host_returns(self) -> None:
        """A host that comes back gives up the servers it had, and is forced down until it has."""
        await self._cloud.cloud.restart("compute")
        sql = "SELECT 1 FROM migrations WHERE migration_type = 'evacuation' AND status <> 'completed'"

        async def given_up() -> bool:
            return not await self._cloud.rows("compute", sql)

        _given_up: bool = await until(given_up, 15.0)

    async def _put_deletion_off(self) -> None:
        self._settings["compute"]["reclaim_instance_interval"] = 3600
        await self._cloud.cloud.restart("compute")
