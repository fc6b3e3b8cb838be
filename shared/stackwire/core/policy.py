"""Authorisation by oslo.policy, so that operators' policy files work unchanged; decisions are cached."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, ServiceError

log = logging.getLogger(__name__)

_MAX_CACHED_DECISIONS = 4096  # bounded, because targets are from requests


class Policy:
    """The rules of one service. ``defaults`` maps a rule's name to its check string in oslo.policy's language.

    A target's keys are what the check strings name (``project_id``, ``owner``, ``visibility``); its values short texts.
    ``file``: the operator's rules, which replace defaults one by one. Raises OSError or ValueError for one that cannot
    be read.
    """

    def __init__(self, service: str, defaults: Mapping[str, str], file: Path | None = None) -> None:
        self._service = service
        self._defaults = defaults
        self._file = file
        self._read = self._state()
        self._enforcer = self._load()
        self._decisions: dict[tuple[Any, ...], bool] = {}

    def refresh(self) -> bool:
        """Reads the file again if it changed; True when it did.

        An unreadable file changes nothing. Blocks; thread-safe.
        """
        try:
            state = self._state()
            if state == self._read:
                return False
            enforcer = self._load()
        except (OSError, ValueError) as error:
            log.warning("the policy file cannot be read, the rules stay as they were: %s", error)
            return False
        self._read, self._enforcer, self._decisions = state, enforcer, {}
        return True

    def knows(self, rule: str) -> bool:
        """Whether there is a rule of this name."""
        return rule in self._enforcer.rules

    def _state(self) -> tuple[int, int, int] | None:
        """Changes when the file changes; None without a file."""
        if self._file is None:
            return None
        found = self._file.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self) -> Any:
        defaults = tuple(self._defaults.items())
        return (
            _of_defaults(self._service, defaults)
            if self._file is None
            else _loaded(self._service, defaults, str(self._file))
        )

    def allows(self, ctx: RequestContext, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the caller may do this to the target."""
        target = target or {}
        caller = (
            ctx.user_id,
            ctx.project_id,
            ctx.system_scope,
            ctx.domain_id,
            ctx.roles,
            ctx.service_roles,
            ctx.is_admin,
        )
        key = (rule, caller, tuple(sorted((name, str(value)) for name, value in target.items())))
        decisions = self._decisions
        known = decisions.get(key)
        if known is None:
            known = bool(self._enforcer.enforce(rule, dict(target), _credentials(ctx)))
            if len(decisions) >= _MAX_CACHED_DECISIONS:
                decisions.clear()
            decisions[key] = known
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


def _loaded(service: str, defaults: Iterable[tuple[str, str]], file: str) -> Any:
    # Imported here: oslo.policy costs a fifth of a second, and only services that decide need it.
    from oslo_config import cfg
    from oslo_policy import policy

    conf = cfg.ConfigOpts()
    conf([], project=service, default_config_files=[], default_config_dirs=[])
    enforcer = policy.Enforcer(conf, policy_file=file)
    conf.set_override("policy_dirs", [], group="oslo_policy")
    enforcer.suppress_default_change_warnings = True
    enforcer.suppress_deprecation_warnings = True
    with _no_extensions():
        rules = [policy.RuleDefault(name, check) for name, check in defaults]
    enforcer.register_defaults(rules)
    try:
        enforcer.load_rules()
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{file} does not map names of rules to texts") from error
    enforcer.use_conf = False  # read once: otherwise every check would look for the file again
    return enforcer


@cache
def _of_defaults(service: str, defaults: tuple[tuple[str, str], ...]) -> Any:
    """Parsed once in a process, where a test starts one cloud after the other."""
    # A path that does not exist: without one oslo.policy would search the machine for others.
    return _loaded(service, defaults, "/nonexistent/policy.yaml")


@contextmanager
def _no_extensions() -> Iterator[None]:
    """Only operators' files use checks of other packages (``http:``), for which oslo.policy looks through all that is
    installed, and imports requests: most of the time that a service takes to start."""
    from oslo_policy import _checks

    if _checks.extension_checks is not None:
        yield
        return
    _checks.extension_checks = {}
    try:
        yield
    finally:
        _checks.extension_checks = None


def _credentials(ctx: RequestContext) -> dict[str, Any]:
    return {
        **attributes(
            ctx,
            "user_id project_id domain_id user_domain_id project_domain_id system_scope service_user_id"
            " service_project_id",
        ),
        "tenant": ctx.project_id,
        "roles": list(ctx.roles),
        "service_roles": list(ctx.service_roles),
        "is_admin": ctx.is_admin or "admin" in ctx.roles,
        "is_admin_project": True,
    }
