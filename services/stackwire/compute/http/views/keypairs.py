"""A key pair as each version shows it. ``nova/api/openstack/compute/views/keypairs.py``."""

from typing import Any

from stackwire.compute.domain.model import KeyPair
from stackwire.compute.http.views.links import usage_timestamp
from stackwire.http.microversions import Microversion


def keypair_brief(pair: KeyPair, version: Microversion) -> dict[str, Any]:
    """An entry of the list; the type came in 2.2."""
    view: dict[str, Any] = {"name": pair.name, "public_key": pair.public_key, "fingerprint": pair.fingerprint}
    return view | ({"type": pair.type} if version >= (2, 2) else {})


def keypair_view(pair: KeyPair, version: Microversion) -> dict[str, Any]:
    """A key pair alone."""
    return keypair_brief(pair, version) | {
        "user_id": pair.user_id,
        "deleted": False,
        "created_at": usage_timestamp(pair.created_at),
        "updated_at": usage_timestamp(pair.updated_at),
        "deleted_at": None,
        "id": pair.id,
    }
