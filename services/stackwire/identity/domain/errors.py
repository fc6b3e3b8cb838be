"""What identity refuses, in Keystone's words.

NotFound         Absent
Conflict         Duplicate
Forbidden        NotPermitted, StillEnabled, NotALeaf
Unauthorized     (plain: a wrong name, a wrong password and a disabled account look the same)
"""

from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound


class Absent(NotFound):
    """Could not find {kind}: {id}."""


class Duplicate(Conflict):
    """Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}."""


class NotPermitted(Forbidden):
    """You are not authorized to perform the requested action: {rule}."""

    def __init__(self, message: str | None = None, **facts: object) -> None:
        # The policy's own wording is for operators; clients are told Keystone's sentence.
        super().__init__(None if "rule" in facts else message, **facts)


class StillEnabled(Forbidden):
    """Cannot delete a domain that is enabled, please disable it first."""


class NotALeaf(Forbidden):
    """You are not authorized to perform the requested action: cannot delete the project {id} since it is not a leaf in the hierarchy."""  # noqa: E501


class Missing(BadRequest):
    """Expecting to find {attribute} in {target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."""  # noqa: E501
