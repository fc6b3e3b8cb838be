"""``make openapi-admin``: the document as JSON."""

import json
import sys
from typing import Any

from stackwire.cloud.admin.openapi import document
from stackwire.cloud.admin.routes import routes


class _Nothing:
    """Stands for a cloud that is never called."""

    def __getattr__(self, name: str) -> Any:
        return self


if __name__ == "__main__":
    nothing: Any = _Nothing()
    json.dump(document(routes(nothing)), sys.stdout, indent=2)
    sys.stdout.write("\n")
