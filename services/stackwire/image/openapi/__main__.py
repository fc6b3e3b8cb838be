"""``make openapi``: the document as JSON."""

import json
import sys

from stackwire.image.openapi.document import document

if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2)
    sys.stdout.write("\n")
