"""What a cloud answered to a table: the status of each row, in files that can be read and compared line by line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Fields = dict[str, dict[str, int]]
"""Field to value to status."""


@dataclass(slots=True)
class Answers:
    """The answers to one request: by microversion, field and value."""

    request: str
    versions: dict[str, Fields] = field(default_factory=dict)

    def add(self, version: str, name: str, value: str, status: int) -> None:
        self.versions.setdefault(version, {}).setdefault(name, {})[value] = status

    def rows(self) -> Iterator[tuple[str, str, str, int]]:
        """Version, field, value, status."""
        for version, fields in self.versions.items():
            for name, values in fields.items():
                for value, status in values.items():
                    yield version, name, value, status

    def write(self, folder: Path) -> None:
        """One line a field: its values by status."""
        versions = ",\n".join(
            f"{json.dumps(version)}: {{\n{_lines(found)}}}" for version, found in self.versions.items()
        )
        (folder / f"{self.request}.json").write_text(f'{{"request": "{self.request}", "versions": {{\n{versions}}}}}\n')


def read(file: Path) -> Answers:
    """The answers that a file holds."""
    whole = json.loads(file.read_text())
    answers = Answers(whole["request"])
    for version, fields in whole["versions"].items():
        for name, statuses in fields.items():
            for status, values in statuses.items():
                for value in values.split():
                    answers.add(version, name, value, int(status))
    return answers


def differences(one: Answers, other: Answers) -> list[str]:
    """A line for each row that both have and answer otherwise: ``servers.create 2.1 server.name null: 400, 202``."""
    statuses = {row[:3]: row[3] for row in other.rows()}
    return [
        " ".join((one.request, version or "-", name, value)) + f": {status}, {statuses[version, name, value]}"
        for version, name, value, status in one.rows()
        if statuses.get((version, name, value), status) != status
    ]


def _lines(fields: Fields) -> str:
    found: list[str] = []
    for name, values in fields.items():
        statuses: dict[str, list[str]] = {}
        for value, status in values.items():
            statuses.setdefault(str(status), []).append(value)
        grouped = {status: " ".join(group) for status, group in sorted(statuses.items())}
        found.append(f"{json.dumps(name)}: {json.dumps(grouped)}")
    return ",\n".join(found)
