"""The body of ``POST /os-keypairs``. ``nova/api/openstack/compute/schemas/keypairs.py``."""

from typing import Literal

from stackwire.compute.http.schemas.fields import Body, ShortNotEmpty, Since


class NewKeypair(Body):
    """``public_key`` None: a pair is generated, before 2.92."""

    name: ShortNotEmpty
    public_key: str | None = None
    type: Literal["ssh", "x509"] | None = None
    user_id: ShortNotEmpty | None = None


class CreateKeypair(Body):
    """``POST /os-keypairs``."""

    keypair: NewKeypair


KEYPAIR_SINCE: Since = {"type": (2, 2), "user_id": (2, 10)}
