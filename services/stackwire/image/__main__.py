"""``python -m stackwire.image``: the image service as a process of its own."""

from stackwire.image.app import build
from stackwire.image.settings import ImageSettings
from stackwire.runtime.main import main

if __name__ == "__main__":
    main("image", ImageSettings, build)
