"""What can go wrong when a server is resized or goes to another host, under the names its peers know."""

from stackwire.core.errors import BadRequest, Conflict, NotFound


class CannotResizeDisk(BadRequest, wire="nova.exception.CannotResizeDisk"):
    """The server's disk cannot be resized: {reason}"""


class CannotResizeToSameFlavor(BadRequest, wire="nova.exception.CannotResizeToSameFlavor"):
    """When resizing, instances must change flavor!"""


class AutoDiskConfigDisabled(BadRequest, wire="nova.exception.AutoDiskConfigDisabledByImage"):
    """The image of the server does not let its disk be partitioned automatically."""


class CannotMigrateToSameHost(BadRequest, wire="nova.exception.CannotMigrateToSameHost"):
    """The server is on that host already."""


class NotResized(BadRequest, wire="nova.exception.MigrationNotFoundByStatus"):
    """Instance has not been resized."""


class HostIsDown(Conflict, wire="nova.exception.ServiceUnavailable"):
    """The compute service on host {host} does not answer at this time."""


class MigrationNotFound(NotFound, wire="nova.exception.MigrationNotFoundForInstance"):
    """Migration {migration_id} was not found for instance {instance_id}."""


class InvalidMigrationState(BadRequest, wire="nova.exception.InvalidMigrationState"):
    """Migration {migration_id} of instance {instance_id} is {state}, which does not allow this."""


class UnableToMigrateToSelf(BadRequest, wire="nova.exception.UnableToMigrateToSelf"):
    """Instance {instance_id} is on host {host} already."""


class ComputeServiceUnavailable(BadRequest, wire="nova.exception.ComputeServiceUnavailable"):
    """The compute service on host {host} does not answer at this time."""


class MigrationPreCheckError(BadRequest, wire="nova.exception.MigrationPreCheckError"):
    """The migration cannot be done: {reason}"""


class InvalidSharedStorage(BadRequest, wire="nova.exception.InvalidSharedStorage"):
    """Hosts share no storage: a server with a local disk can only be migrated with block_migration."""


class ComputeServiceInUse(BadRequest, wire="nova.exception.ComputeServiceInUse"):
    """Compute service of {host} is still in use."""


class CannotShrinkDisk(BadRequest, wire="nova.exception.ResizeError"):
    """Resize error: the disk of the server cannot be made smaller."""


class MultiattachSwapVolumeNotSupported(BadRequest, wire="nova.exception.MultiattachSwapVolumeNotSupported"):
    """A volume that more than one server writes to cannot be swapped."""
