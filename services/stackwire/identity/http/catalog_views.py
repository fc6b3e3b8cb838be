"""Response bodies of the catalogue, in Keystone's form."""

from typing import Any

from stackwire.identity.domain.catalog import Catalog, filled
from stackwire.identity.domain.entities import Row


def catalog_view(catalog: Catalog, project_id: str | None, user_id: str | None = None) -> list[dict[str, Any]]:
    """The catalogue of one token. An endpoint that needs a project is left out of tokens without one."""
    known = {"project_id": project_id, "tenant_id": project_id, "user_id": user_id}
    return [
        {
            "endpoints": [
                {
                    **endpoint["extra"],
                    "id": endpoint["id"],
                    "interface": endpoint["interface"],
                    "region_id": endpoint["region_id"],
                    "url": url,
                    "region": endpoint["region_id"],
                }
                for endpoint in catalog.endpoints_of(service["id"])
                if (url := filled(endpoint["url"], known)) is not None
            ],
            "id": service["id"],
            "type": service["type"],
            "name": service["name"],
        }
        for service in catalog.services.values()
        if service["enabled"]
    ]


def service_view(row: Row, origin: str) -> dict[str, Any]:
    """A service without its endpoints."""
    return _view(row, "id type name enabled", f"{origin}/v3/services")


def endpoint_view(row: Row, origin: str) -> dict[str, Any]:
    """An endpoint; its region is there under its older name too."""
    view = _view(row, "id service_id interface region_id url enabled", f"{origin}/v3/endpoints")
    return {**view, "region": row["region_id"]}


def region_view(row: Row, origin: str) -> dict[str, Any]:
    """A region and its parent."""
    return _view(row, "id description parent_region_id", f"{origin}/v3/regions")


def _view(row: Row, fields: str, collection: str) -> dict[str, Any]:
    attributes = {name: row[name] for name in fields.split()}
    return {**row["extra"], **attributes, "links": {"self": f"{collection}/{row['id']}"}}
