"""The settings of glance-registry and of its client, under Glance's names."""

from typing import Final, Literal

from pydantic import BaseModel, Field, field_validator

REGISTRY = "registry"
"""The role of the process, and the name of its database role."""
THROUGH_REGISTRY: Final = "glance.db.registry.api"


class RegistryOptions(BaseModel):
    """``registry_host``, ``registry_port``: where the registry is; a process with its role listens on that port.

    ``admin_user``, ``admin_password``, ``admin_tenant_name``: who the API is at the registry, which takes nobody's word
    but a service's. ``data_api``: what v2 reaches its database through. Source: ``glance/registry/client/__init__.py``.
    """

    registry_host: str = "127.0.0.1"
    registry_port: int = Field(default=9191, ge=0, le=65535)
    admin_user: str = "glance"
    admin_password: str = Field(default="", repr=False)
    admin_tenant_name: str = "service"
    data_api: Literal["glance.db.sqlalchemy.api", "glance.db.registry.api"] = "glance.db.sqlalchemy.api"

    @field_validator("data_api", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """``registry`` for short."""
        return THROUGH_REGISTRY if value == REGISTRY else value

    @property
    def is_through_registry(self) -> bool:
        """Whether v2 reaches images through glance-registry."""
        return self.data_api == THROUGH_REGISTRY

    @property
    def registry_url(self) -> str:
        host = self.registry_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.registry_port}"
