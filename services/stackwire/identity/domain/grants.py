"""Role assignments: an actor has a role on a project, on a domain or on the whole system."""

from dataclasses import dataclass
from typing import Literal

Actor = Literal["user", "group"]
GrantScope = Literal["project", "domain", "system"]

ASSIGNMENT_FILTERS = ("role.id", "user.id", "group.id", "scope.project.id", "scope.domain.id")
"""Query parameters of ``GET /v3/role_assignments`` that are exact matches."""


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """Whose roles on what: ``scope_id`` is None for the system."""

    actor: Actor
    actor_id: str
    scope: GrantScope
    scope_id: str | None

    @property
    def token_scope(self) -> str:
        """The scope as ``core/revocations.py: scope_key`` spells it."""
        if self.scope == "system":
            return "system:all"
        return f"{'project' if self.scope == 'project' else 'domain-scope'}:{self.scope_id}"
