"""Filters, order and pages of the volume service's lists (``cinder/api/common.py``, ``resource_filters.json``)."""

from collections.abc import Iterator
from dataclasses import replace

from stackwire.compare.request import Request

PAGE = {"limit": "10", "offset": "0", "sort_key": "created_at", "sort_dir": "asc"}
TIMES = {"created_at": "gt:2020-01-01T00:00:00", "updated_at": "gt:2020-01-01T00:00:00"}
MESSAGES = {
    "resource_type": "VOLUME",
    "message_level": "ERROR",
    "event_id": "x",
    "request_id": "x",
    "resource_uuid": "x",
}
LISTS = {
    "/volumes": (
        ("3.0", "3.31", "3.71"),
        {
            "name": "x",
            "status": "available",
            "metadata": "{'k': 'v'}",
            "bootable": "false",
            "migration_status": "none",
            "availability_zone": "nova",
            "size": "1",
            "all_tenants": "0",
        },
    ),
    "/snapshots": (
        ("3.0", "3.31", "3.71"),
        {"name": "x", "status": "available", "volume_id": "x", "metadata": "{'k': 'v'}", "all_tenants": "0"},
    ),
    "/attachments": (
        ("3.27", "3.31", "3.71"),
        {"volume_id": "x", "status": "x", "instance_id": "x", "attach_status": "x"},
    ),
    "/types": (("3.0", "3.52", "3.71"), {"is_public": "true"}),
    "/messages": (("3.5", "3.31", "3.71"), MESSAGES),
}


def _lists() -> Iterator[Request]:
    for path, (versions, filters) in LISTS.items():
        for admin in (False, True):
            name = f"lists.{path[1:]}" + ("-admin" if admin else "")
            yield Request(name, "volume", "GET", path, query=filters, versions=versions, admin=admin)
        yield Request(f"lists.{path[1:]}-page", "volume", "GET", path, query=PAGE, versions=versions[-1:])
    yield Request("lists.volumes-times", "volume", "GET", "/volumes", query=TIMES, versions=("3.59", "3.60"))
    for kind in ("volumes", "snapshots"):
        quota = {"consumes_quota": "true"}
        one = Request(f"lists.{kind}-zone", "volume", "GET", f"/{kind}", query={"availability_zone": "nova"})
        yield replace(one, versions=("3.31",))
        yield replace(one, name=f"lists.{kind}-count", query={"with_count": "false"}, versions=("3.45",))
        yield Request(
            f"lists.{kind}-quota", "volume", "GET", f"/{kind}", query=quota, versions=("3.30", "3.64", "3.65")
        )
    yield Request("lists.sort", "volume", "GET", "/volumes/detail", query={"sort": "name:asc,id"}, versions=("3.0",))
    yield Request("lists.marker", "volume", "GET", "/volumes", query={"marker": "{volume}"}, versions=("3.0",))


REQUESTS = list(_lists())
