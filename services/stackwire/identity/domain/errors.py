"""What identity refuses, in Keystone's words.

NotFound         EntityNotFound, TokenNotFound, RoleNotDefined, AccessKeyNotFound, LimitNotFound
Conflict         DuplicateEntry, DuplicateTrust, DuplicateCredential, DuplicateRegion, DuplicateLimit
Forbidden        ForbiddenAction, NotDelegated, DomainIsEnabled, ProjectHasChildren, AccessRuleInUse, RegionInUse,
                 RegisteredLimitInUse, NoRegisteredLimit
BadRequest       MissingAttribute, InvalidApplicationCredential, BadTimestamp, ExpiresBeforeNow, UsesOfRedelegatedTrust,
                 InvalidBlob, FixedId, CircularRegions, InvalidEndpointUrl
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
    """You are not authorized to perform the requested action: cannot delete the project {id} since it is not a leaf in the hierarchy."""  # noqa: E501  # Keystone's text


class MissingAttribute(BadRequest):
    """Expecting to find {attribute} in {target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."""  # noqa: E501  # Keystone's text


class RoleNotDefined(NotFound):
    """Role {name} is not defined"""


class AccessKeyNotFound(NotFound):
    """EC2 access key not found."""


class DuplicateTrust(Conflict):
    """Conflict occurred attempting to store trust - Duplicate entry found with ID {id}."""


class DuplicateCredential(Conflict):
    """Conflict occurred attempting to store credential - Duplicate entry found with ID {id}."""


class NotDelegated(Forbidden):
    """You are not authorized to perform the requested action."""


class AccessRuleInUse(Forbidden):
    """May not delete access rule in use"""


class InvalidApplicationCredential(BadRequest):
    """Invalid application credential: {detail}"""


class BadTimestamp(BadRequest):
    """Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."""  # noqa: E501  # Keystone's text


class ExpiresBeforeNow(BadRequest):
    """The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."""  # noqa: E501  # Keystone's text


class UsesOfRedelegatedTrust(BadRequest):
    """remaining_uses must not be set if redelegation is allowed"""


class InvalidBlob(BadRequest):
    """Invalid blob in credential"""


class DuplicateRegion(Conflict):
    """Conflict occurred attempting to store region - Duplicate ID, {id}.."""


class RegionInUse(Forbidden):
    """Unable to delete region {id} because it or its child regions have associated endpoints."""


class FixedId(BadRequest):
    """Cannot change ID"""


class CircularRegions(BadRequest):
    """The specified parent region {id} would create a circular region hierarchy."""


class InvalidEndpointUrl(BadRequest):
    """Cannot create an endpoint with an invalid URL: {url}."""


class LimitNotFound(NotFound):
    """Could not find {kind} for {id}."""


class DuplicateLimit(Conflict):
    """Conflict occurred attempting to store {kind} - Duplicate entry."""


class NoRegisteredLimit(Forbidden):
    """Unable to create a limit that has no corresponding registered limit."""


class RegisteredLimitInUse(Forbidden):
    """Unable to update or delete registered limit {id} because there are project limits associated with it."""
