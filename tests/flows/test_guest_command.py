"""What a server's image properties became for the hypervisor, as the command shows it."""

import xml.etree.ElementTree as ET

import pytest

from stackwire.cloud.client import Refused
from stackwire.cloud.guest import definition, flavor_named
from support.cloud import TestCloud
from support.user_actions import UserActions


async def test_the_command_shows_the_guest_by_name_and_by_id(cloud: TestCloud):
    user = await UserActions.of(cloud)
    server = await user.server(imageRef=await user.image(hw_disk_bus="scsi", hw_scsi_model="virtio-scsi"))
    by_id = await definition(cloud.urls, server)
    assert ET.fromstring(by_id).find("devices/controller").attrib["model"] == "virtio-scsi"
    assert await definition(cloud.urls, "server") == by_id


@pytest.mark.parametrize("server", ["nobody", "00000000-0000-4000-8000-000000000000"])
async def test_a_server_that_is_not_there_is_reported(cloud: TestCloud, server: str):
    with pytest.raises(Refused):
        await definition(cloud.urls, server)


async def test_a_property_is_explained_for_a_flavor_of_the_cloud(cloud: TestCloud):
    flavor = await flavor_named(cloud.urls, "m1.tiny")
    assert (flavor.name, flavor.vcpus, flavor.memory_mb, dict(flavor.extra_specs)) == ("m1.tiny", 1, 512, {})
    with pytest.raises(Refused):
        await flavor_named(cloud.urls, "nothing")
