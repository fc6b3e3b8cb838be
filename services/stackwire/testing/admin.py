"""The client of the admin port, for those who write tests."""

from stackwire.cloud.admin_client import AdminClient, AdminError

__all__ = ["AdminClient", "AdminError"]
