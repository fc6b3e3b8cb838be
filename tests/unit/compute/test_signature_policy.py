"""Whose images are verified, by what is set and what a client names."""

import pytest

from stackwire.compute.domain.signature_policy import SignaturePolicy


@pytest.mark.parametrize(
    ("verify", "enable", "defaults", "named", "kept", "trusted", "verifies"),
    [
        (False, False, [], None, [], [], False),
        (False, False, [], ["a"], [], ["a"], True),
        (False, False, ["d"], None, [], [], False),
        (False, True, ["d"], None, [], ["d"], True),
        (True, False, ["d"], None, [], [], True),
        (True, True, ["d"], None, ["d"], ["d"], True),
        (True, True, ["d"], ["a"], ["d"], ["a"], True),
    ],
)
def test_certificates_that_a_client_names_are_always_looked_at(
    verify, enable, defaults, named, kept, trusted, verifies
):
    policy = SignaturePolicy(
        verify_glance_signatures=verify, enable_certificate_validation=enable, default_trusted_certificate_ids=defaults
    )
    assert (policy.kept, list(policy.trusted(named))) == (kept, trusted)
    assert policy.verifies(policy.trusted(named)) is verifies
