"""Members of images, imports, locations and tasks (``glance/api/v2/{image_members,images,tasks}.py``)."""

from stackwire.compare.request import Request

UNREACHABLE = "http://127.0.0.1:80/none"
"""Allowed by the defaults of ``import_filtering_*``; nothing has to listen there."""

REQUESTS = [
    Request(
        "members.create",
        "image",
        "POST",
        "/v2/images/{shared_image}/members",
        body={"member": "{unique}"},
        created="member_id",
        undo="/v2/images/{shared_image}/members/{}",
    ),
    Request(
        "members.update",
        "image",
        "PUT",
        "/v2/images/{shared_image}/members/compared",
        body={"status": "accepted"},
        admin=True,
    ),
    Request(
        "images.import",
        "image",
        "POST",
        "/v2/images/{staged_image}/import",
        body={
            "method": {"name": "glance-direct"},
            "stores": ["file"],
            "all_stores_must_succeed": True,
            "all_stores": False,
        },
        renew=("staged_image",),
    ),
    Request(
        "images.import-web",
        "image",
        "POST",
        "/v2/images/{queued_image}/import",
        body={"method": {"name": "web-download", "uri": UNREACHABLE}},
        renew=("queued_image",),
    ),
    Request(
        "tasks.create",
        "image",
        "POST",
        "/v2/tasks",
        body={
            "type": "import",
            "input": {
                "import_from": UNREACHABLE,
                "import_from_format": "raw",
                "image_properties": {"name": "compared", "disk_format": "raw", "container_format": "bare"},
            },
        },
        admin=True,
    ),
]
