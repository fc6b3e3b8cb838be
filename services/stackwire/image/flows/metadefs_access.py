"""Access to namespaces: one the caller may not see looks exactly like none; one he sees refuses with 403."""

from collections.abc import Iterable

from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.db.metadef_namespaces import NAMESPACES
from stackwire.image.domain.metadefs import Namespace
from stackwire.image.domain.metadefs_errors import MetadefForbidden, NamespaceNotFound
from stackwire.image.domain.metadefs_policy import target_of
from stackwire.image.onion.authorization import is_admin


class NamespaceAccess:
    """Source: ``glance/api/v2/policy.py: MetadefAPIPolicy``; ``db/sqlalchemy/metadef_api: _is_namespace_visible``.

    ``rules``: the policies the caller needs. Errors: NamespaceNotFound, MetadefForbidden.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def require(self, ctx: RequestContext, *rules: str) -> None:
        """For operations that concern no namespace yet, or all of them."""
        for rule in rules:
            self._policy.require(ctx, rule, {"project_id": ctx.project_id or "", "visibility": ""}, MetadefForbidden)

    async def get(self, ctx: RequestContext, session: Session, name: str, *rules: str) -> Namespace:
        return self._checked(ctx, name, await NAMESPACES.get(session, name), rules)

    async def lock(self, ctx: RequestContext, uow: UnitOfWork, name: str, *rules: str) -> Namespace:
        """The same; nobody else changes it, or what is in it, until the transaction ends."""
        return self._checked(ctx, name, await NAMESPACES.get(uow, name, lock=True), rules)

    def is_visible(self, ctx: RequestContext, namespace: Namespace) -> bool:
        own = namespace.owner is not None and namespace.owner == ctx.project_id
        visible = is_admin(ctx) or own or namespace.visibility == "public"
        return visible and self._policy.allows(ctx, "get_metadef_namespace", target_of(namespace))

    def _checked(self, ctx: RequestContext, name: str, found: Namespace | None, rules: Iterable[str]) -> Namespace:
        if found is None or not self.is_visible(ctx, found):
            raise NamespaceNotFound(namespace=name)
        for rule in rules:
            self._policy.require(ctx, rule, target_of(found), MetadefForbidden)
        return found
