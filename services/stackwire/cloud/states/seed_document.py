"""A seed: what a cloud is to have, as YAML. Read and checked as a whole, with the line of whatever is wrong."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from stackwire.core.errors import BadRequest

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_SIZE = re.compile(r"(\d{1,15})([KMG]?)(?:iB|B)?")
MOST_GENERATED = 1024**4


class BadSeed(BadRequest):
    """{place}: {reason}."""


def bytes_of(size: str) -> int:
    """``16M`` in bytes. Raises ValueError."""
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"{size!r} is no size: a number of bytes, or with K, M or G")
    found = int(match[1]) * _UNITS[match[2]]
    if found > MOST_GENERATED:
        raise ValueError(f"{size} is more than can be generated")
    return found


def _sized(value: str) -> str:
    bytes_of(value)
    return value


Name = Annotated[str, Field(min_length=1, max_length=255)]
Size = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_sized)]
Text = Annotated[str, Field(coerce_numbers_to_str=True)]
Properties = dict[Name, Text]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class ProjectEntry(_Entry):
    """In the domain ``Default``."""

    description: str = ""


class RoleEntry(_Entry):
    """A role."""


class UserEntry(_Entry):
    """``roles``: by project."""

    password: Annotated[str, Field(min_length=1)]
    roles: dict[Name, list[Name]] = {}


class FlavorEntry(_Entry):
    """``ram`` in MiB, ``disk`` in GiB; ``properties``: extra specs."""

    ram: Annotated[int, Field(gt=0)]
    vcpus: Annotated[int, Field(gt=0)]
    disk: Annotated[int, Field(ge=0)] = 0
    id: str | None = None
    is_public: bool = True
    properties: Properties = {}


class VolumeTypeEntry(_Entry):
    """``properties``: extra specs."""

    description: str = ""
    is_public: bool = True
    properties: Properties = {}


class _Owned(_Entry):
    """``user``: whose it is; by default the user who is called as the project, or the administrator."""

    project: Name = "demo"
    user: Name | None = None
    properties: Properties = {}


class ImageEntry(_Owned):
    """Its bytes are those of a ``file`` (beside the seed) or a ``url``, or ``size`` bytes of a repeated ``pattern``;
    without any of them it is queued."""

    file: str | None = None
    url: Annotated[str, Field(pattern="^https?://")] | None = None
    size: Size | None = None
    pattern: Annotated[str, Field(min_length=1)] | None = None
    disk_format: str = "raw"
    container_format: str = "bare"
    visibility: str = "shared"
    min_disk: Annotated[int, Field(ge=0)] = 0
    min_ram: Annotated[int, Field(ge=0)] = 0
    protected: bool = False
    tags: list[str] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(source is not None for source in (self.file, self.url, self.size)) > 1:
            raise ValueError("an image has its bytes from one of file, url and size")
        if self.pattern is not None and self.size is None:
            raise ValueError("a pattern needs a size")
        return self


class VolumeEntry(_Owned):
    """``size`` in GiB; from an ``image``, a ``snapshot`` or another ``volume``, or empty."""

    size: Annotated[int, Field(gt=0)] = 1
    image: Name | None = None
    snapshot: Name | None = None
    volume: Name | None = None
    type: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(source is not None for source in (self.image, self.snapshot, self.volume)) > 1:
            raise ValueError("a volume is made from one of image, snapshot and volume")
        return self


class SnapshotEntry(_Owned):
    """Of a volume of the same project."""

    volume: Name


class ServerEntry(_Owned):
    """Boots from an ``image`` or a ``volume``."""

    flavor: Name
    image: Name | None = None
    volume: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.image is None) == (self.volume is None):
            raise ValueError("a server boots from an image or a volume")
        return self


class SeedDocument(BaseModel):
    """A whole seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    projects: list[ProjectEntry] = []
    roles: list[RoleEntry] = []
    users: list[UserEntry] = []
    flavors: list[FlavorEntry] = []
    volume_types: list[VolumeTypeEntry] = []
    images: list[ImageEntry] = []
    volumes: list[VolumeEntry] = []
    snapshots: list[SnapshotEntry] = []
    servers: list[ServerEntry] = []


def read_seed(text: str, file: str = "seed") -> SeedDocument:
    """Raises BadSeed, with the line of the first thing that is wrong."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = file if mark is None else f"{file}:{mark.line + 1}"
        raise BadSeed(place=place, reason=f"this is no YAML: {getattr(error, 'problem', error)}") from error
    lines = _Lines(file, node)
    try:
        document = SeedDocument.model_validate({} if values is None else values)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        path: Sequence[str | int] = first["loc"]
        reason = first["msg"].removeprefix("Value error, ")
        raise BadSeed(place=lines.place(path), reason=f"{_dotted(path)}: {reason}" if path else reason) from None
    for where, name in _repeated(document):
        raise BadSeed(place=lines.place(where), reason=f"{_dotted(where)}: there is a {name!r} already")
    return document


def read_seed_file(path: Path) -> SeedDocument:
    """With its files' paths made absolute. Raises BadSeed, OSError."""
    document = read_seed(path.read_text("utf-8"), str(path))
    images = [
        image if image.file is None else image.model_copy(update={"file": str((path.parent / image.file).resolve())})
        for image in document.images
    ]
    for image in images:
        if image.file is not None and not Path(image.file).is_file():
            raise BadSeed(place=str(path), reason=f"images: {image.name}: there is no file {image.file}")
    return document.model_copy(update={"images": images})


def _repeated(document: SeedDocument) -> Iterator[tuple[Sequence[str | int], str]]:
    for kind in SeedDocument.model_fields:
        known: set[tuple[str, str]] = set()
        for at, entry in enumerate(getattr(document, kind)):
            key = getattr(entry, "project", ""), entry.name
            if key in known:
                yield (kind, at, "name"), entry.name
            known.add(key)


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


class _Lines:
    """In which line of a file something is."""

    def __init__(self, file: str, node: yaml.Node | None) -> None:
        self._file = file
        self._node = node

    def place(self, path: Sequence[str | int]) -> str:
        """``seed.yaml:7``: where it is, or what it is missing in."""
        node, line = self._node, 0 if self._node is None else self._node.start_mark.line
        for part in path:
            found = self._child(node, part)
            if found is None:
                break
            node, line = found
        return f"{self._file}:{line + 1}"

    def _child(self, node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            return child, child.start_mark.line
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    return value, key.start_mark.line
        return None
