"""``services/README.md`` has a table of what lies where in each service: it is true, and nothing is left out."""

import re
from pathlib import Path

import pytest

from support.source_code import ROOT

README = ROOT / "services" / "README.md"
SERVICES = ("image", "volume", "compute", "identity", "trace", "index")
ONLY_HERE = {"onion", "openapi", "catalogue", "cli", "page"}
"""Rooms that one service has: layers, documents, data files, commands, the browser's page."""
ROOMS = ("http", "flows", "flows/api", "flows/worker", "domain", "db", "backends", "onion")


def rows() -> dict[str, dict[str, str]]:
    """``file: {service: cell}`` of the table with a column for each service."""
    found: dict[str, dict[str, str]] = {}
    heading: list[str] = []
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| File |"):
            heading = cells
        elif heading and line.startswith("| `"):
            found[cells[0].strip("`")] = dict(zip(heading[2:], cells[2:], strict=True))
        elif not line.startswith("|"):
            heading = []
    return found


def exists(service: str, file: str) -> bool:
    """A module, or a package where one file would be too long."""
    path = ROOT / "services" / "stackwire" / service / file
    return path.exists() or path.with_suffix("").is_dir()


def test_the_table_has_a_column_for_each_service() -> None:
    assert all(tuple(cells) == SERVICES for cells in rows().values())
    assert len(rows()) > 20


@pytest.mark.parametrize("file", sorted(rows()))
def test_the_table_says_which_service_has_the_file(file: str) -> None:
    marked = {service for service, cell in rows()[file].items() if cell}
    assert marked == {service for service in SERVICES if exists(service, file)}


def test_every_file_that_two_services_have_is_in_the_table() -> None:
    owners: dict[str, set[str]] = {}
    for service in SERVICES:
        folder = ROOT / "services" / "stackwire" / service
        for path in [*folder.glob("*.py"), *(file for room in ROOMS for file in (folder / room).glob("*.py"))]:
            if path.name not in ("__init__.py", "__main__.py"):
                owners.setdefault(str(path.relative_to(folder)), set()).add(service)
    shared = {file for file, services in owners.items() if len(services) > 1}
    assert shared - rows().keys() == set()


def test_no_service_has_a_room_of_its_own() -> None:
    known = {re.split("[/.]", file)[0] for file in rows()} | ONLY_HERE
    for service in SERVICES:
        folder = ROOT / "services" / "stackwire" / service
        rooms = {path.name for path in folder.iterdir() if path.name != "__pycache__" and any(path.glob("[!_]*"))}
        assert rooms <= known, service


def test_every_top_level_folder_has_a_page() -> None:
    pages = [Path(folder) / "README.md" for folder in ("services", "shared", "deploy", "tests")]
    assert all((ROOT / page).exists() for page in pages)
