"""Who may come in: a namespace one may not see looks exactly like none; one that may be seen refuses with 403."""

from collections.abc import Iterable

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db import metadef_namespaces as rows
from stackwire.image.domain.metadefs import Namespace
from stackwire.image.domain.metadefs_errors import MetadefForbidden, NamespaceNotFound
from stackwire.image.domain.metadefs_policy import target_of
from stackwire.image.onion.authorization import is_admin


class Gate:
    """Source: ``glance/api/v2/policy.py: MetadefAPIPolicy``; ``db/sqlalchemy/metadef_api: _is_namespace_visible``."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def anywhere(self, ctx: RequestContext, *rules: str) -> None:
        """Acts that are about no namespace yet, or about all."""
        for rule in rules:
            self._policy.require(ctx, rule, {"project_id": ctx.project_id or "", "visibility": ""}, MetadefForbidden)

    async def seen(self, ctx: RequestContext, db: Session, name: str, *rules: str) -> Namespace:
        return self._checked(ctx, name, await rows.get(db, name), rules)

    async def held(self, ctx: RequestContext, uow: UnitOfWork, name: str, *rules: str) -> Namespace:
        """The same, and nobody else changes it meanwhile."""
        return self._checked(ctx, name, await rows.get(uow, name, hold=True), rules)

    def shows(self, ctx: RequestContext, namespace: Namespace) -> bool:
        own = namespace.owner is not None and namespace.owner == ctx.project_id
        visible = is_admin(ctx) or own or namespace.visibility == "public"
        return visible and self._policy.allows(ctx, "get_metadef_namespace", target_of(namespace))

    def _checked(self, ctx: RequestContext, name: str, found: Namespace | None, rules: Iterable[str]) -> Namespace:
        if found is None or not self.shows(ctx, found):
            raise NamespaceNotFound(namespace=name)
        for rule in rules:
            self._policy.require(ctx, rule, target_of(found), MetadefForbidden)
        return found
