"""Who creates what a seed says: the administrator, and in each project a user of it; what is known by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp

from stackwire.cloud.client import Client, Refused, newest_microversion
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.states.seed_document import SeedDocument, UserEntry
from stackwire.core.ids import new_id
from stackwire.core.tokens import Claims

ADMIN = "admin"
ROLES = ("admin", "member", "reader")
DOMAIN = {"id": "default", "name": "Default"}
TOKEN_LIFETIME = timedelta(hours=1)


@dataclass(slots=True)
class SeedClients:
    """``ids``: of what is known, by kind and names; ``created``: how much of each kind."""

    cloud: Cloud
    session: aiohttp.ClientSession
    admin: Client
    created: Counter[str] = field(default_factory=Counter)
    ids: dict[tuple[str, ...], str] = field(default_factory=dict)
    clients: dict[tuple[str, str | None], Client] = field(default_factory=dict)

    # -- identity

    async def _people(self, document: SeedDocument) -> None:
        for entry in document.projects:
            await self._entity("project", entry.model_dump())
        for role in document.roles:
            await self._entity("role", role.model_dump())
        for user in document.users:
            await self._user(user)

    async def _user(self, user: UserEntry) -> None:
        body = {"name": user.name, "password": user.password, "domain_id": DOMAIN["id"]}
        if not await self._entity("user", body):
            return
        for project, roles in user.roles.items():
            for role in roles:
                target = f"{await self._id('project', project)}/users/{self.ids['user', user.name]}"
                await self._request("PUT", "identity", f"/v3/projects/{target}/roles/{await self._id('role', role)}")

    async def _entity(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Whether it is new."""
        if await self._known(kind, str(body["name"])):
            return False
        answer = await self._request("POST", "identity", f"/v3/{kind}s", {kind: dict(body)})
        self._remember(answer[kind]["id"], kind, str(body["name"]))
        return True

    async def _known(self, kind: str, name: str) -> bool:
        if (kind, name) not in self.ids:
            found = (await self._request("GET", "identity", f"/v3/{kind}s?name={quote(name, safe='')}"))[f"{kind}s"]
            if not found:
                return False
            self.ids[kind, name] = found[0]["id"]
        return True

    async def _id(self, kind: str, name: str) -> str:
        if not await self._known(kind, name):
            raise Refused(f"there is no {kind} {name!r}")
        return self.ids[kind, name]

    async def client(self, project: str, user: str | None) -> Client:
        """One who may do everything in the project, as that user."""
        if (project, user) not in self.clients:
            owner = user or (project if await self._known("user", project) else ADMIN)
            now = self.cloud.clock.now()
            claims = Claims(
                audit_id=new_id(),
                issued_at=now,
                expires_at=now + TOKEN_LIFETIME,
                methods=("password",),
                user_id=await self._id("user", owner),
                user_name=owner,
                user_domain_id=DOMAIN["id"],
                user_domain_name=DOMAIN["name"],
                roles=tuple([(await self._id("role", role), role) for role in ROLES]),
                project_id=await self._id("project", project),
                project_name=project,
                project_domain_id=DOMAIN["id"],
                project_domain_name=DOMAIN["name"],
            )
            token, newest = self.cloud.signer.issue(claims), await newest_microversion(self.session, self.cloud.urls)
            project_id = self.ids["project", project]
            self.clients[project, user] = Client(self.session, self.cloud.urls, token, project_id, newest)
        return self.clients[project, user]

    def _remember(self, id: str, kind: str, *names: str) -> None:
        self.ids[kind, *names] = id
        self.created[kind] += 1

    async def _request(self, method: str, service: str, path: str, body: Any = None) -> Any:
        return await self.admin.request(method, service, path, body)
