"""Saved states as folders under names, and as files that go to other machines.

A file is a tar (``.tar.gz``: packed) with ``state.json``, ``rows/`` and ``files/``; holes are kept, in GNU's format
(https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html: PAX, version 1.0).
"""

import io
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import orjson

from stackwire.core.errors import BadRequest, Conflict, NotFound
from stackwire.disk_image import folder_copy, sparse_files

FORMAT = 1
MANIFEST = "state.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BLOCK = 512
_PARTS = frozenset({MANIFEST, "rows", "files"})


class NoSuchState(NotFound):
    """There is no state {name}."""


class StateExists(Conflict):
    """There is a state {name} already."""


class NoStateName(BadRequest):
    """{name!r} is no name of a state: letters, digits, '.', '_' and '-', 64 at most."""


class NoStateFile(BadRequest):
    """{file} is no state of a cloud: {reason}."""


class StateFolder:
    """The states of one cloud. Everything blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, name: str) -> Path:
        """Where a state is, or would be. Raises NoStateName."""
        if NAME.fullmatch(name) is None:
            raise NoStateName(name=name[:100])
        return self.path / name

    def existing(self, name: str) -> Path:
        """Where a state is. Raises NoSuchState."""
        path = self.at(name)
        if not (path / MANIFEST).is_file():
            raise NoSuchState(name=name)
        return path

    @contextmanager
    def incoming(self, path: Path) -> Iterator[Path]:
        """A folder that takes the place of ``path`` when the block ends, and is removed when it raises."""
        partial = self.path / f".{uuid4().hex[:8]}.part"
        partial.mkdir(parents=True)
        try:
            yield partial
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def manifests(self) -> list[dict[str, Any]]:
        """What each state says of itself, by name."""
        if not self.path.is_dir():
            return []
        names = sorted(entry.name for entry in os.scandir(self.path) if NAME.fullmatch(entry.name))
        return [
            {**manifest(self.path / name), "name": name} for name in names if (self.path / name / MANIFEST).exists()
        ]

    def delete(self, name: str) -> None:
        """Raises NoSuchState."""
        shutil.rmtree(self.existing(name))

    def export_file(self, name: str, file: Path) -> None:
        """Writes the state into a file. Raises NoSuchState, OSError."""
        source, partial = self.existing(name), file.with_name(f".{file.name}.part")
        try:
            with _new_archive(partial, is_packed=file.suffix in (".gz", ".tgz")) as tar:
                for path in sorted(folder_copy.files_in(source), key=lambda path: (path != MANIFEST, path)):
                    _add(tar, source, path)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)

    def import_file(self, file: Path, name: str | None = None) -> str:
        """Its name: that of the file's state, unless one is given. Raises NoStateFile, StateExists, OSError."""
        with self.incoming(self.path / ".imported") as partial:
            try:
                with tarfile.open(file) as tar:
                    for member in tar:
                        _check(member, file)
                        tar.extract(member, partial, filter="data")
                found = manifest(partial)
            except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
                raise NoStateFile(file=file, reason=error) from error
            name = name or str(found.get("name", ""))
            path = self.at(name)
            if path.exists():
                raise StateExists(name=name)
        (self.path / ".imported").rename(path)
        return name


def manifest(folder: Path) -> dict[str, Any]:
    """What a state says of itself. Raises ValueError for what is none, or one of a later format."""
    try:
        found = orjson.loads((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ValueError(f"it has no {MANIFEST}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError("its format is another")
    return found


def _new_archive(file: Path, *, is_packed: bool) -> tarfile.TarFile:
    if is_packed:
        return tarfile.open(file, "w:gz", format=tarfile.PAX_FORMAT, compresslevel=1)
    return tarfile.open(file, "w", format=tarfile.PAX_FORMAT)


def _check(member: tarfile.TarInfo, file: Path) -> None:
    path = PurePosixPath(member.name)
    if (
        not (member.isfile() or member.isdir())
        or path.is_absolute()
        or ".." in path.parts
        or path.parts[0] not in _PARTS
    ):
        raise NoStateFile(file=file, reason=f"it contains {member.name[:200]!r}")


def _add(tar: tarfile.TarFile, source: Path, path: str) -> None:
    if path.endswith("/"):
        folder = tarfile.TarInfo(path.rstrip("/"))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        return
    info = tarfile.TarInfo(path)
    with sparse_files.open_file(source / path, os.O_RDONLY) as handle, open(handle, "rb", closefd=False) as file:
        info.size, info.mode = os.fstat(handle).st_size, 0o600
        extents = sparse_files.extents_of(handle, info.size)
        if sum(length for _, length in extents) == info.size:
            file.seek(0)
            tar.addfile(info, file)
            return
        _add_sparse(tar, info, extents, file)


def _add_sparse(tar: tarfile.TarFile, info: tarfile.TarInfo, extents: Sequence[tuple[int, int]], file: Any) -> None:
    numbers = [len(extents), *(number for extent in extents for number in extent)]
    table = "".join(f"{number}\n" for number in numbers).encode()
    table += bytes(-len(table) % _BLOCK)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": info.name,
        "GNU.sparse.realsize": str(info.size),
    }
    path = PurePosixPath(info.name)
    info.name = str(path.parent / "GNUSparseFile.0" / path.name)
    info.size = len(table) + sum(length for _, length in extents)
    tar.addfile(info, _Extents(table, extents, file))  # type: ignore[arg-type]  # all that it needs is read


class _Extents:
    """What is stored of a sparse file: the table, and the data."""

    def __init__(self, table: bytes, extents: Sequence[tuple[int, int]], file: Any) -> None:
        self._pieces = self._read_all(table, extents, file)
        self._rest = io.BytesIO()

    def _read_all(self, table: bytes, extents: Sequence[tuple[int, int]], file: Any) -> Iterator[bytes]:
        yield table
        for at, length in extents:
            file.seek(at)
            while length:
                piece = file.read(min(length, sparse_files.VOLUME_CHUNK_BYTES))
                if not piece:
                    raise OSError("the file has become shorter")
                length -= len(piece)
                yield piece

    def read(self, size: int) -> bytes:
        """So many bytes, which are there."""
        found = bytearray()
        while len(found) < size:
            piece = self._rest.read(size - len(found))
            if not piece:
                self._rest = io.BytesIO(next(self._pieces))
                continue
            found += piece
        return bytes(found)
