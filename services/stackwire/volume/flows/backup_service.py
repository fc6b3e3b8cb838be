"""The service that makes backups, which an administrator may disable."""

from stackwire.contracts.volume_workers import HOST
from stackwire.db.pool import Session
from stackwire.volume.db import services
from stackwire.volume.domain.errors import BackupServiceNotFound

BACKUP_BINARY = "cinder-backup"


async def is_enabled(session: Session) -> bool:
    """Whether there is one that takes new work."""
    state = (await services.states(session)).get((BACKUP_BINARY, HOST))
    return state is None or not state.disabled


async def require_service(session: Session) -> None:
    """BackupServiceNotFound (``cinder/backup/api.py: _get_available_backup_service_host``)."""
    if not await is_enabled(session):
        raise BackupServiceNotFound
