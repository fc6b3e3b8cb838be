"""What the API shows of an image is rendered once, and anew when it changes."""

from dataclasses import replace

import orjson

from stackwire.image.domain.image import Image
from stackwire.image.http.views import image_json, image_view

ID = "00000000-0000-4000-8000-000000000001"


def test_an_image_is_rendered_once() -> None:
    image = Image(id=ID, name="first")
    assert image_json(image) is image_json(image)
    assert orjson.loads(orjson.dumps(image_json(image))) == image_view(image)


def test_a_changed_image_is_rendered_anew() -> None:
    image = Image(id=ID, name="first")
    image_json(image)
    changed = replace(image, name="second")
    assert orjson.loads(orjson.dumps(image_json(changed)))["name"] == "second"
