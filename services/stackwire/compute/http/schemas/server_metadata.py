"""The bodies of ``/servers/{id}/metadata`` and ``/servers/{id}/tags``."""

from typing import Annotated

from pydantic import Field

from stackwire.compute.http.schemas.fields import Body, Metadata, Tag


class MetadataItems(Body):
    """``POST`` and ``PUT /servers/{id}/metadata``."""

    metadata: Metadata


class MetadataItem(Body):
    """``PUT /servers/{id}/metadata/{key}``."""

    meta: Metadata


class Tags(Body):
    """``PUT /servers/{id}/tags``."""

    tags: Annotated[list[Tag], Field(max_length=50)]
