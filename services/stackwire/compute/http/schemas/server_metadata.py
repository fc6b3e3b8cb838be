"""The bodies of ``/servers/{id}/metadata`` and ``/servers/{id}/tags``."""

from typing import Annotated

from pydantic import Field

from stackwire.compute.http.schemas.fields import Body, Metadata, Tag


class MetadataItems(Body):
    metadata: Metadata


class MetadataItem(Body):
    meta: Metadata


class Tags(Body):
    tags: Annotated[list[Tag], Field(max_length=50)]
