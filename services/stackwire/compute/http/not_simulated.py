"""What Nova serves and we do not, and what it says is gone. ``nova/api/openstack/compute/routes.py: ROUTE_LIST``."""

from stackwire.http.refusals import REMOVED, Features

NOT_SIMULATED: Features = {
    "changes of hosts, and bare metal": ["/os-hosts 2.1 2.42", "/os-baremetal-nodes 2.1 2.35"],
    "networks": [
        "/os-networks 2.1 2.35", "/os-tenant-networks 2.1 2.35", "/os-floating-ips 2.1 2.35",
        "/os-floating-ip-pools 2.1 2.35", "/os-security-groups 2.1 2.35", "/os-security-group-rules 2.1 2.35",
        "/servers/{server}/os-interface", "/servers/{server}/os-security-groups",
    ],
    "assisted volume snapshots": ["/os-assisted-volume-snapshots"],
    "shares": ["/servers/{server}/shares 2.97"],
    REMOVED: [
        "/os-agents", "/os-cells", "/os-certificates", "/os-cloudpipe", "/os-fixed-ips", "/os-floating-ip-dns",
        "/os-floating-ips-bulk", "/os-fping", "/os-security-group-default-rules", "/servers/{server}/consoles",
        "/servers/{server}/os-virtual-interfaces",
    ],
}  # fmt: skip
