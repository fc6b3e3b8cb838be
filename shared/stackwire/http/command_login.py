"""Who a command of the command line is: from the variables of OpenStack's clients, or the administrator of the cloud
that runs in a data directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stackwire.core.errors import Unauthorized
from stackwire.http.service_user import Credentials, ServiceUser

_ADMINISTRATOR: Final = ("admin", "secret", "admin")
"""Of the seed: user, password, project."""
_NEEDED: Final = ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME")


class NoLogin(Unauthorized):
    """Log in: OS_TOKEN, or OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME of an administrator."""


async def token_of_environment(environment: Mapping[str, str]) -> str:
    """The token that the variables name, or that a login by them gives. Raises NoLogin, KeystoneUnavailable."""
    if token := environment.get("OS_TOKEN"):
        return token
    values = [environment.get(name, "") for name in _NEEDED]
    if not all(values):
        raise NoLogin
    return await _token(Credentials(*values, domain=environment.get("OS_USER_DOMAIN_NAME", "Default")))


async def token_of_cloud(data_dir: Path) -> str:
    """Of the administrator of the cloud that runs there. Raises NoLogin, KeystoneUnavailable."""
    try:
        url = str(json.loads((data_dir / "cloud.json").read_text())["services"]["identity"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoLogin from error
    return await _token(Credentials(url, *_ADMINISTRATOR))


async def _token(credentials: Credentials) -> str:
    user = ServiceUser(credentials)
    try:
        return await user.token()
    finally:
        await user.close()
