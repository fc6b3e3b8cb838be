"""Quotas as counted and as told, and public keys as text."""

import base64

import pytest

from stackwire.compute.domain import quotas, ssh_keys
from stackwire.compute.domain.errors import InvalidKeypair, TooManyInstances
from stackwire.core.errors import BadRequest

LIMITS = {"instances": 10, "cores": 20, "ram": -1}
USED = {"instances": 8, "cores": 17, "ram": 10**9}


def test_what_fits_is_bounded_by_the_scarcest():
    assert quotas.fitting(LIMITS, USED, {"instances": 1, "cores": 2, "ram": 512}, 5) == 1
    assert quotas.fitting(LIMITS, USED, {"instances": 1, "cores": 1, "ram": 512}, 5) == 2
    assert quotas.fitting(LIMITS, {**USED, "instances": 12}, {"instances": 1}, 5) == 0


def test_what_does_not_fit_is_named():
    quotas.check([(LIMITS, USED)], {"instances": 2, "cores": 3, "ram": 512})
    with pytest.raises(TooManyInstances, match="cores"):
        quotas.check([(LIMITS, USED)], {"instances": 1, "cores": 4})


@pytest.mark.parametrize(("version", "told"), [((2, 1), 7 + 4 + 3), ((2, 36), 7 + 3), ((2, 57), 7)])
def test_a_quota_set_shrinks_with_the_versions(version, told):
    assert len(quotas.quota_set(quotas.DEFAULTS, version)) == told


@pytest.mark.parametrize(("version", "told"), [((2, 1), 5 + 4 + 3), ((2, 50), 7 + 3), ((2, 57), 7)])
def test_a_quota_class_hides_server_groups_at_first(version, told):
    assert len(quotas.quota_class_set(quotas.DEFAULTS, version)) == told


def test_users_get_no_more_than_their_project_has_left():
    assert quotas.for_user(10, of_users=7, own=2, used=1) == (1, 5)
    assert quotas.for_user(-1, of_users=7, own=2, used=1) == (1, -1)
    assert quotas.for_project(10, of_users=7, used=3) == (7, -1)
    assert quotas.for_project(-1, of_users=7, used=3) == (3, -1)
    quotas.check_limit("cores", -1, 7, -1)
    for limit, minimum, maximum in ((6, 7, -1), (9, 0, 8), (-1, 0, 8)):
        with pytest.raises(BadRequest):
            quotas.check_limit("cores", limit, minimum, maximum)


def a_key(kind="ssh-ed25519", inside=None):
    named = (inside or kind).encode()
    return f"{kind} {base64.b64encode(len(named).to_bytes(4, 'big') + named + b'x' * 32).decode()} me@here"


def test_a_public_key_has_a_fingerprint():
    assert len(ssh_keys.fingerprint(a_key())) == 47
    assert ssh_keys.fingerprint(a_key()) == ssh_keys.fingerprint(a_key().rsplit(" ", 1)[0])


@pytest.mark.parametrize("text", ["", "ssh-rsa", "ssh-rsa !!!", "rot13 abc", a_key("ssh-rsa", inside="ssh-dss")])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(InvalidKeypair):
        ssh_keys.fingerprint(text)


@pytest.mark.parametrize(
    ("name", "strict", "relaxed"), [("a b_c-1", True, True), ("a.b@c", False, True), (" a", False, False)]
)
def test_names_were_stricter_before_2_92(name, strict, relaxed):
    for allowed, is_relaxed in ((strict, False), (relaxed, True)):
        if allowed:
            ssh_keys.check_name(name, relaxed=is_relaxed)
        else:
            with pytest.raises(InvalidKeypair):
                ssh_keys.check_name(name, relaxed=is_relaxed)
