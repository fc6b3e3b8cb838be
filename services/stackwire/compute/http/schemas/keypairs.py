"""The body of ``POST /os-keypairs``. ``nova/api/openstack/compute/schemas/keypairs.py``."""

from typing import Annotated, Literal

from stackwire.compute.http.schemas.fields import GIVEN, Body, ShortNotEmpty, Since


class NewKeypair(Body):
    """``public_key`` None: a pair is generated, before 2.92."""

    name: ShortNotEmpty
    public_key: Annotated[str | None, GIVEN] = None
    type: Annotated[Literal["ssh", "x509"] | None, GIVEN] = None
    user_id: Annotated[ShortNotEmpty | None, GIVEN] = None


class CreateKeypair(Body):
    """``POST /os-keypairs``."""

    keypair: NewKeypair


KEYPAIR_SINCE: Since = {"type": (2, 2), "user_id": (2, 10)}
