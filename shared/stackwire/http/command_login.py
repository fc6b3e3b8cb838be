"""Who a command of the command line is: from the variables of OpenStack's clients, or the administrator of the cloud
that runs in a data directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from stackwire.core.errors import Unauthorized
from stackwire.http.service_user import Credentials, ServiceUser

ADMINISTRATOR: Final = "stackwire-admin"
"""In the ``clouds.yaml`` that a cloud writes into its data directory."""
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
        auth = yaml.safe_load((data_dir / "clouds.yaml").read_text())["clouds"][ADMINISTRATOR]["auth"]
        credentials = Credentials(*(str(auth[name]) for name in ("auth_url", "username", "password", "project_name")))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise NoLogin from error
    return await _token(credentials)


async def _token(credentials: Credentials) -> str:
    user = ServiceUser(credentials)
    try:
        return await user.token()
    finally:
        await user.close()
