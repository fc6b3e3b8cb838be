"""What a new cloud is given before it is ready: a seed, and the files of an init directory in the order of names.

``*.yaml`` are seeds, executable ``*.sh`` scripts with OpenStack's variables for the administrator. Each runs once: the
data directory remembers which have.
"""

import asyncio
import os
from pathlib import Path
from typing import cast, get_args

import orjson

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.datadir import DataDir
from stackwire.cloud.options import Options
from stackwire.cloud.states.presets import PresetName, apply_preset
from stackwire.cloud.states.seed_document import read_seed_file
from stackwire.cloud.states.seeding import apply_seed
from stackwire.cloud.states.states import States
from stackwire.core.errors import BadRequest

ADMIN_CLOUD = "stackwire-admin"
DONE = "init.json"


class NoSuchPreset(BadRequest):
    """There is no preset {preset!r}: empty, demo, busy."""


class HookFailed(BadRequest):
    """{file}: {reason}."""


async def prepare(cloud: Cloud, options: Options, directory: DataDir) -> None:
    """Applies the seed and the hooks, which are part of a new cloud's beginning. Raises BadSeed, SeedRefused,
    HookFailed, OSError."""
    if not (options.seed or options.preset or options.init_dir):
        return
    if options.preset is not None and options.preset not in get_args(PresetName):
        raise NoSuchPreset(preset=options.preset)
    states = States(cloud, directory.states)
    is_new = await states.is_new()
    if options.preset is not None:
        await apply_preset(cloud, cast(PresetName, options.preset))
    if options.seed is not None:
        await apply_seed(cloud, await asyncio.to_thread(read_seed_file, options.seed))
    if options.init_dir is not None:
        await _run_hooks(cloud, options.init_dir, directory)
    if is_new:
        await states.mark()


async def _run_hooks(cloud: Cloud, folder: Path, directory: DataDir) -> None:
    path = directory.path / DONE
    done: list[str] = orjson.loads(path.read_bytes()) if path.exists() else []
    for file in sorted(folder.iterdir()):
        if file.name in done:
            continue
        if file.suffix in (".yaml", ".yml"):
            await apply_seed(cloud, await asyncio.to_thread(read_seed_file, file))
        elif file.suffix == ".sh" and os.access(file, os.X_OK):
            await _run(file, directory)
        else:
            continue
        done.append(file.name)
        path.write_bytes(orjson.dumps(done))


async def _run(file: Path, directory: DataDir) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OS_")},
        "OS_CLIENT_CONFIG_FILE": str(directory.clouds_yaml),
        "OS_CLOUD": ADMIN_CLOUD,
        "STACKWIRE_DATA_DIR": str(directory.path),
    }
    process = await asyncio.create_subprocess_exec(
        str(file.resolve()),
        env=environment,
        cwd=file.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        last = output.decode(errors="replace").strip().splitlines()[-1:]
        raise HookFailed(file=file, reason=": ".join([f"it ended with {process.returncode}", *last]))
