"""Who may do what: oslo.policy underneath, so that operators' policy files work as they are; decisions are cached."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError

_KEPT = 4096  # decisions; bounded, because targets come from requests


class Policy:
    """The rules of one service. ``defaults`` maps a rule's name to its check string in oslo.policy's language.

    A target's keys are what the check strings name (``project_id``, ``owner``, ``visibility``); its values short texts.
    """

    def __init__(self, service: str, defaults: Mapping[str, str], file: Path | None = None) -> None:
        # Imported here: oslo.policy costs a fifth of a second, and only services that decide need it.
        from oslo_config import cfg
        from oslo_policy import policy

        conf = cfg.ConfigOpts()
        conf([], project=service, default_config_files=[], default_config_dirs=[])
        # A name that is nowhere: without a file of the operator's, nothing lying about on the machine is picked up.
        chosen = str(file) if file is not None else "/nonexistent/policy.yaml"
        self._enforcer = policy.Enforcer(conf, policy_file=chosen)
        conf.set_override("policy_dirs", [], group="oslo_policy")
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.suppress_deprecation_warnings = True
        self._enforcer.register_defaults([policy.RuleDefault(name, check) for name, check in defaults.items()])
        self._enforcer.load_rules()
        self._enforcer.use_conf = False  # read once: otherwise every check would look for the file again
        self._decisions: dict[tuple[Any, ...], bool] = {}

    def allows(self, ctx: RequestContext, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        target = target or {}
        key = (
            rule, ctx.user_id, ctx.project_id, ctx.system_scope, ctx.domain_id, ctx.roles, ctx.service_roles,
            ctx.is_admin,
            tuple(sorted((name, str(value)) for name, value in target.items())),
        )  # fmt: skip
        known = self._decisions.get(key)
        if known is None:
            known = bool(self._enforcer.enforce(rule, dict(target), _credentials(ctx)))
            if len(self._decisions) >= _KEPT:
                self._decisions.clear()
            self._decisions[key] = known
        return known

    def require(
        self,
        ctx: RequestContext,
        rule: str,
        target: Mapping[str, Any] | None = None,
        error: type[ServiceError] = Forbidden,
    ) -> None:
        """Raises ``error`` (of the service's own family) unless the rule allows it."""
        if not self.allows(ctx, rule, target):
            raise error(f"Policy doesn't allow {rule} to be performed.", rule=rule)


def _credentials(ctx: RequestContext) -> dict[str, Any]:
    return {
        "user_id": ctx.user_id,
        "project_id": ctx.project_id,
        "tenant": ctx.project_id,
        "domain_id": ctx.domain_id,
        "user_domain_id": ctx.user_domain_id,
        "project_domain_id": ctx.project_domain_id,
        "system_scope": ctx.system_scope,
        "roles": list(ctx.roles),
        "service_roles": list(ctx.service_roles),
        "service_user_id": ctx.service_user_id,
        "service_project_id": ctx.service_project_id,
        "is_admin": ctx.is_admin or "admin" in ctx.roles,
        "is_admin_project": True,
    }
