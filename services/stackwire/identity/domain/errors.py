"""What identity refuses, in Keystone's words.

NotFound         EntityNotFound, TokenNotFound
Conflict         DuplicateEntry
Forbidden        ForbiddenAction, DomainIsEnabled, ProjectHasChildren
BadRequest       MissingAttribute
Unauthorized     (plain: a wrong name, a wrong password and a disabled account look the same)
"""

from stackwire.core.errors import BadRequest, Conflict, Forbidden, NotFound


class EntityNotFound(NotFound):
    """Could not find {entity}: {id}."""


class TokenNotFound(NotFound):
    """Could not find token."""


class DuplicateEntry(Conflict):
    """Conflict occurred attempting to store {entity} - Duplicate entry found with name {name}."""


class ForbiddenAction(Forbidden):
    """You are not authorized to perform the requested action: {rule}."""

    def __init__(self, message: str | None = None, **params: object) -> None:
        # The policy's own wording is for operators; clients read Keystone's sentence.
        super().__init__(None if "rule" in params else message, **params)


class DomainIsEnabled(Forbidden):
    """Cannot delete a domain that is enabled, please disable it first."""


class ProjectHasChildren(Forbidden):
    """You are not authorized to perform the requested action: cannot delete the project {id} since it is not a leaf in the hierarchy."""  # noqa: E501


class MissingAttribute(BadRequest):
    """Expecting to find {attribute} in {target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."""  # noqa: E501
