"""The admin port of ``stackwire up``."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from stackwire.cloud.admin.app import AdminServer, make_admin_app
from stackwire.cloud.admin.bus import FaultBus
from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.guard import new_token
from stackwire.cloud.admin.routes import routes
from stackwire.cloud.cloud import Cloud
from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import MEMORY, Options
from stackwire.cloud.states.states import States


@asynccontextmanager
async def admin_port(cloud: Cloud, options: Options, data_dir: Path, database_url: str) -> AsyncIterator[None]:
    """Serves it while the cloud runs, where one was asked for. Its token is in the data directory meanwhile."""
    if options.admin_port is None or cloud.faults is None:
        yield
        return
    async with AsyncExitStack() as stack:
        if options.amqp_url != MEMORY:
            bus = FaultBus(await cloud.bus(), cloud.faults)
            await bus.start()
            stack.push_async_callback(bus.stop)
        directory = DataDir(data_dir)
        states = States(cloud, directory.states)
        await states.begin()
        stack.push_async_callback(states.close)
        deps = AdminDeps(faults=cloud.faults, cloud=cloud, states=states, database_url=database_url, data_dir=data_dir)
        file = directory.admin_token
        token = new_token(file)
        stack.callback(file.unlink, missing_ok=True)
        server = AdminServer(
            make_admin_app(routes(deps), token=token, host=options.admin_host), options.admin_host, options.admin_port
        )
        await server.start()
        stack.push_async_callback(server.stop)
        yield
