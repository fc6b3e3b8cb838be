"""The machine's qemu-img, for conversions: both formats are given, never probed; bounded in time, memory, processor and
size; no shell."""

import asyncio
import resource
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

PROGRAM: Final = "qemu-img"
FORMATS: Final[Mapping[str, str]] = {
    "raw": "raw",
    "qcow2": "qcow2",
    "vmdk": "vmdk",
    "vdi": "vdi",
    "vhd": "vpc",
    "vhdx": "vhdx",
}
"""OpenStack's disk formats, as qemu-img calls them."""
CONVERT_TIMEOUT_SECONDS: Final = 600
MEMORY_LIMIT_BYTES: Final = 1024**3
"""Of addresses, which is what the system can limit: as Cinder's ``image_introspection_address_space_limit``."""
THREAD_STACK_BYTES: Final = 1024**2
CPU_LIMIT_SECONDS: Final = 300
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1"}
"""Of its many threads each would otherwise reserve an arena of 64 MiB, and a thread was refused at times."""
QEMU_MESSAGE_LENGTH: Final = 200


class QemuImgFailed(Exception):
    """The text says why, without a path of this machine."""


def is_installed() -> bool:
    """Whether this machine can convert."""
    return shutil.which(PROGRAM) is not None


async def convert(
    source: Path, target: Path, source_format: str, target_format: str, *, max_bytes: int, cache_mode: str = ""
) -> None:
    """Writes ``target``, at most ``max_bytes`` long; the caller removes what a failure leaves of it.

    Formats are OpenStack's names. QemuImgFailed when it is not installed, does not convert the format, takes too long
    or finds fault with the source.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise QemuImgFailed("qemu-img is not installed")
    if source_format not in FORMATS:
        raise QemuImgFailed(f"there is no converting from {source_format}")
    command = [program, "convert", "-f", FORMATS[source_format], "-O", FORMATS[target_format], "-S", "4k"]
    command += ["-t", cache_mode] if cache_mode else []
    process = await asyncio.create_subprocess_exec(
        *command,
        str(source),
        str(target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(_limit_resources, max_bytes),
        env=ENVIRONMENT,
    )
    try:
        async with asyncio.timeout(CONVERT_TIMEOUT_SECONDS):
            _, stderr = await process.communicate()
    except BaseException as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise QemuImgFailed(f"it took more than {CONVERT_TIMEOUT_SECONDS} seconds") from error
        raise
    if process.returncode != 0:
        raise QemuImgFailed(_last_line(stderr, source, target))


def _last_line(stderr: bytes, source: Path, target: Path) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    return lines[-1].replace(f"{source.parent}/", "").replace(f"{target.parent}/", "")[:QEMU_MESSAGE_LENGTH]


def _limit_resources(max_bytes: int) -> None:
    """Runs in the child before qemu-img does; a limit that is lower already stays."""
    limits = (
        (resource.RLIMIT_AS, MEMORY_LIMIT_BYTES),
        (resource.RLIMIT_STACK, THREAD_STACK_BYTES),
        (resource.RLIMIT_CPU, CPU_LIMIT_SECONDS),
        (resource.RLIMIT_FSIZE, max_bytes),
    )
    for limit, value in limits:
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))
