"""An update that writes only where the image is as it was read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.resources import files

import pytest

from bench.image_rows import fill, image_id
from stackwire.contracts.base import Event
from stackwire.core.context import RequestContext
from stackwire.db.pool import Database
from stackwire.image.db import images
from stackwire.image.domain.errors import Outdated
from stackwire.image.domain.image import Image, difference
from support.postgres import TestDatabase

OWNER = "b" * 32
EVENT = Event(exchange="glance", event_type="image.update", publisher_id="image.host", payload={})
CALLER = RequestContext(project_id=OWNER)


@pytest.fixture
async def database(unmigrated: TestDatabase) -> AsyncIterator[Database]:
    """With one image."""
    url = unmigrated.url("image")
    opened = await Database.open(url, schema="image", migrations=files("stackwire.image.db") / "migrations")
    await fill(url, OWNER, 1, 1)
    yield opened
    await opened.close()


async def _read(database: Database) -> Image:
    async with database.read() as session:
        return await images.must_get(session, image_id(1), OWNER)


async def _update(database: Database, before: Image, **properties: str) -> None:
    change = difference(before, replace(before, name="new", properties={**before.properties, **properties}))
    async with database.work(CALLER) as uow:
        images.end_with_update(uow, before, change)
        uow.notify(EVENT)


async def test_an_image_that_nobody_has_changed_is_updated(database: Database) -> None:
    before = await _read(database)
    await _update(database, before, property_01="first")
    after = await _read(database)
    assert (after.name, after.properties) == ("new", {**before.properties, "property_01": "first"})


async def test_nothing_is_written_where_the_image_was_changed_meanwhile(database: Database) -> None:
    before = await _read(database)
    await _update(database, before, property_01="first")
    with pytest.raises(Outdated):
        await _update(database, before, property_01="second", property_02="second")
    assert (await _read(database)).properties == {**before.properties, "property_01": "first"}
    assert await database.unsent() == 1


async def test_an_image_that_is_read_again_is_the_same_until_it_changes(database: Database) -> None:
    before = await _read(database)
    assert await _read(database) is before
    await _update(database, before, property_01="first")
    assert await _read(database) != before
