"""What cloudbridge's users do with keys, volumes, snapshots and servers; each step is printed when it is done."""

import sys

from cloudbridge.factory import CloudProviderFactory, ProviderList

url, image_id = sys.argv[1:]
provider = CloudProviderFactory().create_provider(
    ProviderList.OPENSTACK,
    {
        "os_auth_url": url,
        "os_username": "demo",
        "os_password": "secret",
        "os_project_name": "demo",
        "os_user_domain_name": "Default",
        "os_project_domain_name": "Default",
        "os_region_name": "RegionOne",
    },
)


def step(name: str, right: object) -> None:
    if not right:
        raise SystemExit(f"{name} is wrong")
    print(name)


soon = {"timeout": 60, "interval": 0.2}
step("login", provider.authenticate())
step("region", provider.compute.regions.current.id == "RegionOne")
tiny = next(each for each in provider.compute.vm_types if each.name == "m1.tiny")
image = provider.compute.images.get(image_id)
step("image", image.id in {each.id for each in provider.compute.images})
key = provider.security.key_pairs.create("cloudbridge")
step("key", key.id in {each.id for each in provider.security.key_pairs})
key.delete()
volume = provider.storage.volumes.create("cloudbridge", 1)
volume.wait_till_ready(**soon)
volume.label = "renamed"
step("volume", [each.label for each in provider.storage.volumes] == ["renamed"])
snapshot = volume.create_snapshot("snapshot")
snapshot.wait_till_ready(**soon)
copy = snapshot.create_volume(size=1)
copy.wait_till_ready(**soon)
step("snapshot", len(list(provider.storage.volumes)) == 2)
server = provider.compute.instances.create("cloudbridge", image=image, vm_type=tiny, subnet=None)
server.wait_till_ready(**soon)
step("server", server.vm_type.id == tiny.id and server.private_ips)
volume.attach(server, "/dev/vdb")
volume.wait_for(["in-use"], terminal_states=["error"], **soon)
step("attached", volume.attachments.instance_id == server.id)
volume.detach()
volume.wait_till_ready(**soon)
provider.nova.servers.delete(server.id)  # its own delete lists interfaces first, which need a network service
server.wait_for(["deleted", "unknown"], terminal_states=["error"], **soon)
for each in (snapshot, copy, volume):
    each.delete()
step("destroyed", True)
