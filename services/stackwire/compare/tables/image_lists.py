"""The queries of image lists (``glance/api/v2/images.py: RequestDeserializer.index``)."""

from stackwire.compare.request import Request

FILTERS = {
    "name": "a",
    "status": "active",
    "visibility": "shared",
    "member_status": "accepted",
    "owner": "{project}",
    "tag": "a",
    "protected": "false",
    "os_hidden": "false",
    "disk_format": "raw",
    "container_format": "bare",
    "min_ram": "0",
    "min_disk": "0",
    "size_min": "1",
    "size_max": "2",
    "checksum": "a",
    "os_hash_value": "a",
    "created_at": "gt:2020-01-01T00:00:00Z",
    "updated_at": "lt:2020-01-01T00:00:00Z",
    "id": "{image}",
    "custom": "a",
}


def _list(name: str, path: str, query: dict[str, str], *, admin: bool = False) -> Request:
    return Request(name, "image", "GET", path, query=query, admin=admin)


REQUESTS = [
    _list("images.list-filters", "/v2/images", FILTERS),
    _list("images.list-page", "/v2/images", {"limit": "1", "marker": "{image}", "sort_key": "name", "sort_dir": "asc"}),
    _list("images.list-sort", "/v2/images", {"sort": "name:asc,created_at:desc"}),
    _list("images.list-members", "/v2/images/{shared_image}/members", {}),
    _list("images.show", "/v2/images/{image}", {}),
    _list(
        "tasks.list",
        "/v2/tasks",
        {"limit": "1", "sort_key": "created_at", "sort_dir": "asc", "type": "import", "status": "success"},
        admin=True,
    ),
    _list(
        "namespaces.list",
        "/v2/metadefs/namespaces",
        {
            "limit": "1",
            "sort_key": "namespace",
            "sort_dir": "asc",
            "visibility": "public",
            "resource_types": "OS::Glance::Image",
        },
    ),
    _list("namespaces.show", "/v2/metadefs/namespaces/{namespace}", {"resource_type": "OS::Glance::Image"}, admin=True),
    _list("metadef-objects.list", "/v2/metadefs/namespaces/{namespace}/objects", {}, admin=True),
    _list("metadef-properties.list", "/v2/metadefs/namespaces/{namespace}/properties", {}, admin=True),
    _list(
        "metadef-tags.list",
        "/v2/metadefs/namespaces/{namespace}/tags",
        {"limit": "1", "sort_key": "name", "sort_dir": "asc"},
        admin=True,
    ),
    _list("metadef-resource-types.list", "/v2/metadefs/resource_types", {}),
]
