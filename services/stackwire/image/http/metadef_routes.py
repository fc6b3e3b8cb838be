"""The API of metadata definitions on a page."""

from stackwire.http.app import Route
from stackwire.image.domain.metadefs import OBJECT, PROPERTY, TAG
from stackwire.image.http.metadef_items import ItemHandlers
from stackwire.image.http.metadef_namespaces import NamespaceHandlers

NAMESPACES = "/v2/metadefs/namespaces"
ONE = f"{NAMESPACES}/{{namespace}}"


def metadef_routes(namespaces: NamespaceHandlers, items: ItemHandlers) -> list[Route]:
    return [
        Route("GET", "/v2/metadefs/resource_types", namespaces.resource_types),
        Route("GET", NAMESPACES, namespaces.index),
        Route("POST", NAMESPACES, namespaces.create),
        Route("GET", ONE, namespaces.show),
        Route("PUT", ONE, namespaces.update),
        Route("DELETE", ONE, namespaces.delete),
        Route("GET", f"{ONE}/resource_types", namespaces.associations),
        Route("POST", f"{ONE}/resource_types", namespaces.associate),
        Route("DELETE", f"{ONE}/resource_types/{{resource_type}}", namespaces.dissociate),
        Route("GET", f"{ONE}/objects", items.objects),
        Route("POST", f"{ONE}/objects", items.add_object),
        Route("DELETE", f"{ONE}/objects", items.clear(OBJECT)),
        Route("GET", f"{ONE}/objects/{{name}}", items.show_object),
        Route("PUT", f"{ONE}/objects/{{name}}", items.change_object),
        Route("DELETE", f"{ONE}/objects/{{name}}", items.remove(OBJECT)),
        Route("GET", f"{ONE}/properties", items.properties),
        Route("POST", f"{ONE}/properties", items.add_property),
        Route("DELETE", f"{ONE}/properties", items.clear(PROPERTY)),
        Route("GET", f"{ONE}/properties/{{name}}", items.show_property),
        Route("PUT", f"{ONE}/properties/{{name}}", items.change_property),
        Route("DELETE", f"{ONE}/properties/{{name}}", items.remove(PROPERTY)),
        Route("GET", f"{ONE}/tags", items.tags),
        Route("POST", f"{ONE}/tags", items.add_tags),
        Route("DELETE", f"{ONE}/tags", items.clear(TAG)),
        Route("GET", f"{ONE}/tags/{{name}}", items.show_tag),
        Route("POST", f"{ONE}/tags/{{name}}", items.add_tag),
        Route("PUT", f"{ONE}/tags/{{name}}", items.change_tag),
        Route("DELETE", f"{ONE}/tags/{{name}}", items.remove(TAG)),
    ]
