"""A real Glance or Keystone on SQLite, as a process of an installation that has it and uwsgi.

real_service.py glance FOLDER PORT IDENTITY_URL   a Glance whose tokens are checked at a Keystone
real_service.py keystone FOLDER PORT              a Keystone with the user admin in the project service
"""

import getpass
import grp
import os
import subprocess
import sys
from pathlib import Path

GLANCE = """
[DEFAULT]
enabled_backends = file:file
node_staging_uri = file://{folder}/staging
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[database]
connection = sqlite:///{folder}/glance.db
[oslo_concurrency]
lock_path = {folder}
[keystone_authtoken]
auth_url = {identity}
www_authenticate_uri = {identity}
auth_type = password
username = glance
password = secret
project_name = service
user_domain_name = Default
project_domain_name = Default
[paste_deploy]
flavor = keystone
config_file = {prefix}/etc/glance/glance-api-paste.ini
"""
KEYSTONE = """
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[cache]
enabled = false
"""


def main(service: str, folder: str, port: str, identity: str = "") -> None:
    text = {"glance": GLANCE, "keystone": KEYSTONE}[service]
    configuration = Path(folder) / f"{service}-api.conf"
    configuration.write_text(text.format(folder=folder, identity=identity, prefix=sys.prefix))
    programs = Path(sys.executable).parent
    owner = ("--keystone-user", getpass.getuser(), "--keystone-group", grp.getgrgid(os.getgid()).gr_name)
    user = ("--bootstrap-password", "secret", "--bootstrap-project-name", "service")
    more = {"glance": [], "keystone": [("fernet_setup", *owner), ("bootstrap", *user)]}[service]
    for words in [("db_sync",), *more]:
        subprocess.run([programs / f"{service}-manage", "--config-file", configuration, *words], check=True)
    uwsgi = str(programs / "uwsgi")
    os.execve(
        uwsgi,
        [
            uwsgi, "--http", f"127.0.0.1:{port}", "--http-raw-body", "--http-chunked-input", "--http-auto-chunked",
            "--socket", f"{folder}/socket", "--module", f"{service}.wsgi.api:application", "--processes", "2",
            "--master", "--enable-threads", "--lazy-apps", "--buffer-size", "65535", "--die-on-term",
            "--add-header", "Connection: close", "--http-timeout", "900", "--chunked-input-limit", "16777216",
            "--chunked-input-timeout", "60", "--socket-timeout", "65",
        ],
        {
            **os.environ, "VIRTUAL_ENV": sys.prefix, "OS_GLANCE_CONFIG_DIR": folder,
            "OS_KEYSTONE_CONFIG_FILES": str(configuration),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
