"""``stackwire serve admin``: an admin port beside services that run as processes of their own, for their faults.

The services obey it where ``STACKWIRE_FAULT_INJECTION`` is true. They and this process are on one bus, a RabbitMQ.
"""

import sys
from typing import Any, NoReturn

from stackwire.cloud.admin.app import AdminServer, make_admin_app
from stackwire.cloud.admin.bus import FaultBus
from stackwire.cloud.admin.guard import new_token
from stackwire.cloud.admin.routes import routes_of_processes, with_refusals
from stackwire.cloud.admin.settings import AdminSettings
from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import ORDER
from stackwire.core.faults import FaultRules
from stackwire.messaging.connect import connect
from stackwire.messaging.signatures import Signatures
from stackwire.runtime.logs import configure
from stackwire.runtime.main import CANNOT_START, STARTUP_ERRORS, prepare_process, run, startup_error_text, until_signal


async def serve(settings: AdminSettings) -> None:
    """Until a signal."""
    rules, signatures = FaultRules(), Signatures(settings.bus_key, settings.bus_unsigned)
    transport = await connect(settings.amqp_url, name="stackwire-admin", signatures=signatures)
    bus = FaultBus(transport, rules)
    urls = {name: getattr(settings, f"{name}_url") for name in ORDER}
    table = with_refusals(routes_of_processes(rules, urls))
    app = make_admin_app(table, token=_token(settings), host=settings.host)
    server = AdminServer(app, settings.host, settings.port)
    try:
        await bus.start()
        await server.start()
        where = f"http://{settings.host}:{settings.port}"
        await until_signal(lambda: print(f"admin is ready at {where}", flush=True))
    finally:
        await server.stop()
        await bus.stop()
        await transport.close()


def _token(settings: AdminSettings) -> str:
    """Raises OSError, ValueError for a token that could be guessed."""
    if settings.token_file is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return new_token(DataDir(settings.data_dir).admin_token)
    token = settings.token_file.read_text().strip()
    if len(token) < 32:
        raise ValueError(f"the token in {settings.token_file} has less than 32 characters")
    return token


def main(**overrides: Any) -> NoReturn:
    """The whole program, as ``runtime.main`` of a service."""
    configure()
    prepare_process()
    try:
        settings = AdminSettings(**overrides)
        configure(settings.log_format, settings.log_level)
        run(lambda: serve(settings))
    except STARTUP_ERRORS as error:
        print(f"stackwire admin: {startup_error_text(error)}", file=sys.stderr)
        sys.exit(CANNOT_START)
    sys.exit(0)
