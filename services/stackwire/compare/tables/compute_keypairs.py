"""Key pairs (``nova/api/openstack/compute/keypairs.py``)."""

from stackwire.compare.request import Request

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfPGuJ9DsYmDd0xLlUAL5Q9jcYHm3HI/5s0u1xXlzvd compared"

REQUESTS = [
    Request(
        "keypairs.create",
        "compute",
        "POST",
        "/os-keypairs",
        body={"keypair": {"name": "{unique}", "public_key": KEY}},
        versions=("2.1",),
        created="keypair.name",
        undo="/os-keypairs/{}",
    ),
    Request(
        "keypairs.create-typed",
        "compute",
        "POST",
        "/os-keypairs",
        body={"keypair": {"name": "{unique}", "public_key": KEY, "type": "ssh"}},
        versions=("2.2", "2.92"),
        created="keypair.name",
        undo="/os-keypairs/{}",
    ),
]
