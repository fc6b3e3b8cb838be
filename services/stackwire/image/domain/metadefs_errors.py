"""Errors of metadata definitions. Source: ``glance/common/exception.py``."""

from stackwire.core.errors import Conflict, Forbidden, NotFound


class NamespaceNotFound(NotFound, wire="glance.common.exception.MetadefNamespaceNotFound"):
    """Metadata definition namespace={namespace} was not found."""


class NamespaceExists(Conflict, wire="glance.common.exception.MetadefDuplicateNamespace"):
    """The metadata definition namespace={namespace} already exists."""


class NamespaceProtected(Forbidden, wire="glance.common.exception.ProtectedMetadefNamespaceDelete"):
    """Metadata definition namespace {namespace} is protected and cannot be deleted."""


class ItemNotFound(NotFound, wire="stackwire.image.MetadefItemNotFound"):
    """The metadata definition {kind} with name={name} was not found in namespace={namespace}."""


class ItemExists(Conflict, wire="stackwire.image.MetadefItemExists"):
    """A metadata definition {kind} with name={name} already exists in namespace={namespace}."""


class ItemProtected(Forbidden, wire="stackwire.image.MetadefItemProtected"):
    """Metadata definition {kind} {name} is protected and cannot be deleted."""


class AssociationNotFound(NotFound, wire="glance.common.exception.MetadefResourceTypeAssociationNotFound"):
    """The association of resource-type={name} to namespace={namespace} was not found."""


class AssociationExists(Conflict, wire="glance.common.exception.MetadefDuplicateResourceTypeAssociation"):
    """The association of resource-type={name} to namespace={namespace} already exists."""


class AssociationProtected(Forbidden, wire="glance.common.exception.ProtectedMetadefResourceTypeAssociationDelete"):
    """Metadata definition resource-type-association {name} is protected and cannot be deleted."""


class PrefixMissing(NotFound, wire="stackwire.image.MetadefPrefixMissing"):
    """Property {name} does not start with the expected resource type association prefix of '{prefix}'."""


class MetadefForbidden(Forbidden, wire="glance.common.exception.MetadefForbidden"):
    """You are not authorized to complete this action."""
