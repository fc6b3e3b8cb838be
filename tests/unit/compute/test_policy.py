"""Who may do what with a server, by the default rules."""

import pytest

from stackwire.compute.domain import policy as rules
from stackwire.core.context import RequestContext
from stackwire.core.policy import Policy

POLICY = Policy("nova", rules.DEFAULTS)
TARGET = {"project_id": "p", "user_id": "u"}


def caller(*roles, project="p", service=()):
    return RequestContext(
        user_id="u", project_id=project, roles=roles, service_roles=service, is_admin="admin" in roles
    )


OWNER = caller("member", "reader")
READER = caller("reader")
STRANGER = caller("member", "reader", project="q")
ADMIN = caller("admin", "member", "reader", project="q")
SERVICE = caller("member", "reader", service=("service",))
PEOPLE = (OWNER, READER, STRANGER, ADMIN, SERVICE)

ALLOWED = [
    (rules.SHOW, (True, True, False, True, True)),
    (rules.INDEX, (True, True, False, True, True)),
    (rules.METADATA_SHOW, (True, True, False, True, True)),
    (rules.ATTACHMENTS, (True, True, False, True, True)),
    (rules.CREATE, (True, False, False, True, True)),
    (rules.UPDATE, (True, False, False, True, True)),
    (rules.DELETE, (True, False, False, True, True)),
    (rules.REBUILD, (True, False, False, True, True)),
    (rules.CREATE_IMAGE, (True, False, False, True, True)),
    (rules.CREATE_IMAGE_VOLUME_BACKED, (True, False, False, True, True)),
    (rules.LOCK, (True, False, False, True, True)),
    (rules.ATTACH, (True, False, False, True, True)),
    (rules.DETACH, (True, False, False, True, True)),
    (rules.UNLOCK_OVERRIDE, (False, False, False, True, False)),
    (rules.RESET_STATE, (False, False, False, True, False)),
    (rules.ALL_TENANTS, (False, False, False, True, False)),
    (rules.ZERO_DISK, (False, False, False, True, False)),
    (rules.EXTENDED, (False, False, False, True, False)),
    (rules.GUEST, (False, False, False, True, False)),
    (rules.FLAVOR_MANAGE, (False, False, False, True, False)),
    (rules.HYPERVISORS, (False, False, False, True, False)),
    (rules.QUOTAS_CHANGE, (False, False, False, True, False)),
    (rules.EXTERNAL_EVENTS, (False, False, False, True, False)),
    (rules.SWAP_VOLUME, (False, False, False, True, False)),
    (rules.FLAVORS, (True, True, True, True, True)),
]


@pytest.mark.parametrize(("rule", "allowed"), ALLOWED, ids=[rule for rule, _ in ALLOWED])
def test_a_rule_allows_these_and_no_others(rule, allowed):
    assert tuple(POLICY.allows(ctx, rule, TARGET) for ctx in PEOPLE) == allowed


def test_key_pairs_are_their_users():
    other = RequestContext(user_id="v", project_id="p", roles=("member", "reader"))
    assert POLICY.allows(OWNER, rules.KEYPAIRS, {"user_id": "u"})
    assert not POLICY.allows(other, rules.KEYPAIRS, {"user_id": "u"})
    assert POLICY.allows(ADMIN, rules.KEYPAIRS, {"user_id": "v"})
