"""The v1 API on a page."""

from stackwire.http.app import Route
from stackwire.image.http.v1_images import V1ImageHandlers
from stackwire.image.http.v1_members import V1MemberHandlers

IMAGE = "/v1/images/{image_id}"


def v1_routes(images: V1ImageHandlers, members: V1MemberHandlers) -> list[Route]:
    return [
        Route("GET", "/v1/images", images.index),
        Route("POST", "/v1/images", images.create),
        Route("GET", "/v1/images/detail", images.detail),
        Route("HEAD", IMAGE, images.head),
        Route("GET", IMAGE, images.show),
        Route("PUT", IMAGE, images.update),
        Route("DELETE", IMAGE, images.delete),
        Route("GET", f"{IMAGE}/members", members.index),
        Route("PUT", f"{IMAGE}/members", members.replace),
        Route("PUT", f"{IMAGE}/members/{{member}}", members.add),
        Route("DELETE", f"{IMAGE}/members/{{member}}", members.remove),
        Route("GET", "/v1/shared-images/{member}", members.shared),
    ]
