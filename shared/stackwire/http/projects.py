"""Whether there is such a project: identity is asked over HTTP with the caller's own token, as the originals ask."""

import re

from stackwire.core.context import RequestContext
from stackwire.core.errors import Forbidden, NotFound, ServiceError
from stackwire.http.client import HttpClient
from stackwire.http.service_user import KeystoneUnavailable

_POSSIBLE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")
"""Keystone's column has 64 characters. Others are not asked about, for ``..`` would lead elsewhere."""


class Projects:
    """The projects of the identity service at ``url``, which is its root or its ``/v3``."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/').removesuffix('/v3')}/v3/projects"

    async def exists(self, ctx: RequestContext, project_id: str) -> bool:
        """Forbidden when the caller may not know, KeystoneUnavailable when identity does not tell."""
        if _POSSIBLE_ID.match(project_id) is None:
            return False
        try:
            async with self._client.stream(ctx, "GET", f"{self._url}/{project_id}"):
                return True
        except NotFound:
            return False
        except Forbidden:  # without identity's own words
            raise Forbidden from None
        except ServiceError as refused:
            raise KeystoneUnavailable from refused
