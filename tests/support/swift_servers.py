"""Swift's own servers, as one process: ``python swift_servers.py FOLDER [PORT IDENTITY_URL]``.

With the folder alone: account, container and object server with one device and one replica, and the rings that name
them. With a port: a proxy on it, which asks that identity service about tokens. Each says when it answers, and ends
with its standard input. Nothing here is imported by the tests: eventlet replaces the modules of the whole process.
"""

import os
import sys
from pathlib import Path
from typing import Any

import eventlet

eventlet.monkey_patch(thread=False)

import eventlet.tpool  # noqa: E402  # after the replacement
import eventlet.wsgi  # noqa: E402  # after the replacement
from swift.common import utils  # noqa: E402  # after the replacement

utils.SWIFT_CONF_FILE = str(Path(sys.argv[1]) / "swift.conf")

from swift.common.ring import RingBuilder  # noqa: E402  # it reads that file when it is imported
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402  # the same

STORAGE = ("account", "container", "object")
PROXY = """
[DEFAULT]
swift_dir = {folder}
log_level = CRITICAL
[pipeline:main]
pipeline = catch_errors cache authtoken keystoneauth dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = false
node_timeout = 20
recoverable_node_timeout = 20
error_suppression_limit = 100000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:dlo]
use = egg:swift#dlo
rate_limit_after_segment = 100000
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
reseller_admin_role = service
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {identity}
auth_url = {identity}
auth_type = password
username = cinder
password = secret
project_name = service
project_domain_id = default
user_domain_id = default
delay_auth_decision = true
service_token_roles_required = false
token_cache_time = -1
"""
SERVER = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_level = CRITICAL
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def storage(folder: Path) -> list[tuple[str, str, Any]]:
    folder.joinpath("devices", "d1").mkdir(parents=True)
    folder.joinpath("swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    listening = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in STORAGE}
    for kind, listener in listening.items():
        builder = RingBuilder(4, 1, 1)
        device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "d1", "meta": ""}
        place = {"ip": "127.0.0.1", "port": listener.getsockname()[1]}
        replication = {f"replication_{name}": value for name, value in place.items()}
        builder.add_dev({**device, **place, **replication})
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{kind}.ring.gz"))
    return [(kind, SERVER.format(folder=folder, kind=kind), listener) for kind, listener in listening.items()]


def main() -> None:
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        listener = eventlet.listen(("127.0.0.1", int(sys.argv[2])))
        served = [("proxy", PROXY.format(folder=folder, identity=sys.argv[3]), listener)]
    else:
        served = storage(folder)
    for kind, text, listener in served:
        conf = folder / f"{kind}-{os.getpid()}.conf"
        conf.write_text(text)
        app = loadapp(str(conf))
        log = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
        eventlet.spawn_n(eventlet.wsgi.server, listener, app, log, protocol=SwiftHttpProtocol, log_output=False)
    print("ready", flush=True)
    eventlet.tpool.execute(sys.stdin.buffer.read)
    os._exit(0)


main()
