"""Files that a client has written into a server: on its config drive, where the guest finds them with their paths.

``nova/api/metadata/base.py``: ``openstack/content/0000``, ..., and their paths in ``openstack/latest/meta_data.json``.
"""

import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path


def write(folder: Path, files: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """``files``: pairs of a path in the guest and the content in base64. Answers each path with its size in bytes."""
    root = folder / "config_drive" / "openstack"
    shutil.rmtree(root, ignore_errors=True)
    if not files:
        return []
    (root / "content").mkdir(parents=True)
    (root / "latest").mkdir()
    described, written = list[dict[str, str]](), list[tuple[str, int]]()
    for number, (path, content) in enumerate(files):
        raw, name = base64.b64decode(content), f"{number:04d}"
        (root / "content" / name).write_bytes(raw)
        described.append({"path": path, "content_path": f"/content/{name}"})
        written.append((path, len(raw)))
    (root / "latest" / "meta_data.json").write_text(json.dumps({"files": described}), encoding="utf-8")
    return written
