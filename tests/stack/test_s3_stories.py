"""The image service with a store in S3 as a process of its own: killed amid an upload, and not started at all."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from support.builders.images import a_queued_image, get_image
from support.cloud import log_in
from support.polling import until
from support.postgres import TestDatabase
from support.processes import Processes, own_vhost
from support.rabbitmq import TestRabbit
from support.s3 import ABucket, Gate

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

MIB = 1024**2
DATA = bytes(range(251)) * 66000  # more than three parts
SERVICES = ("identity", "image")


def environment(options: Mapping[str, Any]) -> dict[str, str]:
    return {name.upper(): str(value) for name, value in options.items()}


@pytest.fixture
async def processes(
    postgres: TestDatabase, rabbitmq: TestRabbit, bucket: ABucket, gate: Gate, tmp_path: Path
) -> AsyncIterator[Processes]:
    settings = {
        "SWEEP_SECONDS": "0.5",
        "HEARTBEAT_SECONDS": "0.5",
        "LEASE_SECONDS": "2.0",
        "ENABLED_BACKENDS": "fast:file,far:s3",
        "DEFAULT_BACKEND": "fast",
        **environment(bucket.options(gate.url)),
    }
    with own_vhost(rabbitmq) as url:
        processes = Processes(postgres, url, tmp_path, settings)
        try:
            await asyncio.gather(*(processes.start(service) for service in SERVICES))
            yield processes
        finally:
            await processes.close()


async def test_an_upload_whose_process_was_killed_leaves_neither_parts_nor_a_stuck_image(
    processes: Processes, bucket: ABucket, gate: Gate
) -> None:
    async with aiohttp.ClientSession() as session:
        client = await log_in(session, processes.urls)
        image_id = await a_queued_image(client)

        async def some_and_silence() -> AsyncIterator[bytes]:
            for at in range(0, 15 * MIB, MIB):
                yield DATA[at : at + MIB]
            await asyncio.Event().wait()

        path = f"/v2/images/{image_id}/file"
        headers = {"Content-Type": "application/octet-stream", "x-image-meta-store": "far"}
        upload = asyncio.create_task(client.put("image", path, data=some_and_silence(), headers=headers))

        async def parts_are_there() -> bool:
            return gate.seen.count("UploadPart") >= 1 and bool(await asyncio.to_thread(bucket.uploads))

        await until(parts_are_there)
        await processes.kill("image")
        await asyncio.gather(upload, return_exceptions=True)
        assert [key[:36] for key in bucket.uploads()] == [image_id]
        await processes.start("image")

        async def all_is_cleared() -> bool:
            image = await get_image(client, image_id)
            return image["status"] == "queued" and await asyncio.to_thread(lambda: bucket.is_empty)

        await until(all_is_cleared)
        (await client.put("image", path, data=DATA, headers=headers)).ok(204)
        assert (await client.get("image", path)).ok(200).body == DATA


async def test_a_worker_whose_store_hangs_is_not_taken_for_dead(
    processes: Processes, postgres: TestDatabase, gate: Gate
) -> None:
    """While S3 answers neither its upload nor the removal of a dead process's parts it renews its lease."""
    async with aiohttp.ClientSession() as session:
        client = await log_in(session, processes.urls)
        paths = [f"/v2/images/{await a_queued_image(client)}/file" for _ in range(2)]
        headers = {"Content-Type": "application/octet-stream", "x-image-meta-store": "far"}
        gate.held = {"UploadPart", "DeleteObject", "ListObjectsV2"}
        upload = asyncio.create_task(client.put("image", paths[0], data=DATA, headers=headers))
        await gate.until_waiting()
        await processes.kill("image")
        await asyncio.gather(upload, return_exceptions=True)
        gate.seen.clear()
        await processes.start("image")
        upload = asyncio.create_task(client.put("image", paths[1], data=DATA, headers=headers))
        await until(lambda: "DeleteObject" in gate.seen, 40)
        eye = await asyncpg.connect(postgres.url("image"))
        try:
            renewals = set()

            async def renewed() -> bool:
                renewals.add(await eye.fetchval("SELECT max(expires_at) FROM leases"))
                return len(renewals) == 4

            await until(renewed, 20, interval=0.05)  # S3 is waited for longer
        finally:
            await eye.close()
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        assert "DeleteObject" in gate.held
        gate.held = set()
        await gate.let_go()


async def test_a_copy_whose_process_was_killed_leaves_the_image_where_it_was(
    processes: Processes, bucket: ABucket, gate: Gate
) -> None:
    async with aiohttp.ClientSession() as session:
        client = await log_in(session, processes.urls, "admin")
        image_id = await a_queued_image(client)
        headers = {"Content-Type": "application/octet-stream"}
        (await client.put("image", f"/v2/images/{image_id}/file", data=DATA, headers=headers)).ok(204)
        gate.held = {"CompleteMultipartUpload"}
        wish = {"method": {"name": "copy-image"}, "stores": ["far"]}
        (await client.post("image", f"/v2/images/{image_id}/import", json=wish)).ok(202)
        await gate.until_waiting()
        await processes.kill("image")
        gate.refused["CompleteMultipartUpload"] = (400, "RequestTimeout")  # the dead process's wish is not heard
        await gate.let_go()
        assert [key[:36] for key in bucket.uploads()] == [image_id]
        gate.refused.clear()
        await processes.start("image")

        async def all_is_cleared() -> bool:
            image = await get_image(client, image_id)
            return "os_glance_import_task" not in image and await asyncio.to_thread(lambda: bucket.is_empty)

        await until(all_is_cleared)
        image = await get_image(client, image_id)
        assert (image["status"], image["stores"], image["os_glance_failed_import"]) == ("active", "fast", "far")


async def started(rabbitmq: TestRabbit, tmp_path: Path, **settings: str) -> tuple[int | None, str]:
    """How an image service ends that cannot start, and what it says."""
    path = os.environ.get("PYTHONPATH", "")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stackwire.image"),
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path / 'hidden'}{os.pathsep}{path}",
            "STACKWIRE_AMQP_URL": rabbitmq.url,
            "STACKWIRE_IMAGE_DATA_DIR": str(tmp_path),
            "STACKWIRE_IMAGE_ENABLED_BACKENDS": "far:s3",
            "STACKWIRE_IMAGE_DEFAULT_BACKEND": "far",
            **{f"STACKWIRE_IMAGE_{name}": value for name, value in settings.items()},
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert said.count(b"\n") == 1, said
    return process.returncode, said.decode()


async def test_incomplete_settings_are_reported_in_one_line(rabbitmq: TestRabbit, tmp_path: Path) -> None:
    code, said = await started(rabbitmq, tmp_path, S3_STORE_HOST="s3.example.org", S3_STORE_SECRET_KEY="hidden")
    assert code == 2
    assert "the store 'far' is of type s3 and lacks s3_store_access_key, s3_store_bucket" in said
    assert "hidden" not in said


async def test_a_certificate_that_is_not_there_is_reported_in_one_line(
    rabbitmq: TestRabbit, tmp_path: Path, bucket: ABucket
) -> None:
    options = environment(bucket.options(s3_store_cacert="/nowhere/ca.pem"))
    code, said = await started(rabbitmq, tmp_path, **options)
    assert code == 2
    assert "there is no file /nowhere/ca.pem" in said


async def test_without_the_extra_it_is_said_what_to_install(
    rabbitmq: TestRabbit, tmp_path: Path, bucket: ABucket
) -> None:
    """A package of that name that cannot be imported is found before the real one."""
    hidden = tmp_path / "hidden" / "boto3"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'boto3'\")\n")
    code, said = await started(rabbitmq, tmp_path, **environment(bucket.options()))
    assert code == 2
    assert "the store 'far' is of type s3, which comes with stackwire[s3]: No module named 'boto3'" in said
