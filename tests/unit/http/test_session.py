"""The connections of a service that is stopped while its work goes on."""

import aiohttp
import pytest

from stackwire.core.errors import Unavailable
from stackwire.http.service_user import Credentials, ServiceUser
from stackwire.http.session import Connections


async def test_connections_are_opened_once_and_closed() -> None:
    connections = Connections(aiohttp.ClientSession)
    session = connections.session()
    assert connections.session() is session
    await connections.close()
    assert session.closed


async def test_work_that_outlives_its_service_opens_no_session_that_nobody_closes() -> None:
    def refused() -> aiohttp.ClientSession:
        raise AssertionError("a session that nobody closes")

    connections = Connections(refused)
    await connections.close()
    with pytest.raises(Unavailable):
        connections.session()


async def test_a_service_user_of_a_stopped_service_does_not_log_in() -> None:
    user = ServiceUser(Credentials("http://127.0.0.1:9", "nova", "secret"))
    await user.close()
    with pytest.raises(Unavailable):
        await user.token()
