"""The page in a real Chromium: what a user views, clicks and types."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from stackwire.contracts.base import Event
from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.messaging.connect import connect
from stackwire.messaging.notify import Notifier
from stackwire.messaging.transport import Address
from support.cloud import ACloud, TestCloud
from support.postgres import skip_or_fail
from support.user_actions import UserActions

pytestmark = pytest.mark.timeout(180)
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(trace=True)


@pytest.fixture
async def page(cloud: TestCloud) -> AsyncIterator[Page]:
    """Of a browser that is closed before the cloud is. An error on the page fails the test."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        skip_or_fail("no Chromium is installed")
    problems: list[str] = []
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        opened = await browser.new_page(viewport={"width": 1400, "height": 800})
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        yield opened
        await browser.close()
    assert [problem for problem in problems if "404" not in problem] == []


def url(cloud: TestCloud, address: str = "") -> str:
    return f"{cloud.urls['trace']}/{address}"


async def test_a_user_finds_a_story_opens_a_transfer_and_follows_a_property(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    image = await user.image(name="disk", hw_disk_bus="scsi", team="storage")
    server = await user.server(imageRef=image)
    await cloud.settle()
    await page.goto(url(cloud, "#/stories"))

    # the list: names instead of ids, without logins and reads, filtered by what is in the address
    rows = page.locator("tbody tr")
    await expect(rows.filter(has_text="create server server")).to_contain_text("POST /v2.1/servers")
    await expect(rows.filter(has_text="create server server").locator(".status")).to_have_text("202")
    await expect(rows.filter(has_text="log in")).to_have_count(0)
    await page.get_by_label("logins").check()
    await expect(rows.filter(has_text="log in").first).to_be_visible()
    await page.get_by_label("logins").uncheck()
    await page.get_by_placeholder("service").fill("keystone")
    await expect(rows.filter(has_text="POST /v2.1/servers")).to_have_count(0)
    assert page.url.endswith("#/stories?service=keystone")
    await page.get_by_placeholder("service").fill("")
    await page.get_by_placeholder("method or event").fill("build_and_run_instance")
    await expect(rows).to_have_count(1)
    await page.reload()
    await expect(page.get_by_placeholder("method or event")).to_have_value("build_and_run_instance")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("create server server")

    # the story, opened with the keyboard
    await page.locator("body").press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".participants svg text").first).to_be_visible()
    await expect(page.locator("svg .row").first).to_contain_text("create server server (POST) · 202")
    transfer = page.locator("svg .row.k-crossing").first
    await transfer.click()
    detail = page.locator("#detail")
    await expect(detail).to_contain_text("compute.at_create")
    await expect(detail.locator("tr.v-added").first).to_be_visible()
    await detail.get_by_text("carried unchanged").click()
    await expect(detail.locator("tr.v-renamed", has_text="hw_disk_bus")).to_be_visible()
    assert re.search(r"at=\d+", page.url), "a message has an address of its own"
    await page.reload()
    await expect(detail).to_contain_text("compute.at_create")
    await page.keyboard.press("Escape")
    await expect(detail).to_be_hidden()

    # start and end of an operation are one row, a kind is hidden by the legend
    everything = await page.locator(".rows").evaluate("rows => rows.offsetHeight")
    await page.keyboard.press("f")
    assert await page.locator(".rows").evaluate("rows => rows.offsetHeight") > everything
    await page.keyboard.press("f")
    await page.locator(".legend").get_by_role("button", name="notification").click()
    assert await page.locator(".rows").evaluate("rows => rows.offsetHeight") < everything
    assert "hide=notification" in page.url
    await page.locator(".legend").get_by_role("button", name="notification").click()

    # rows by time: the last one is farther down than its number
    heights = []
    for _ in range(2):
        heights.append(await page.locator(".rows").evaluate("rows => rows.offsetHeight"))
        await page.keyboard.press("t")
    assert heights[1] > heights[0]

    # the lineage of the server, one property chosen
    await page.get_by_role("link", name="server server").first.click()
    await expect(page.locator(".graph .node.here")).to_contain_text(f"server {server[:8]}")
    await expect(page.locator(".graph .tier", has_text="user")).to_be_visible()
    await expect(page.locator(".graph .edge.w-added").first).to_be_attached()
    await page.locator("tbody tr", has_text="image_hw_disk_bus").click()
    await expect(page.locator(".graph .edge.on")).to_have_count(3)  # user, image, server, guest
    await expect(page.locator("tr.chosen")).to_contain_text("scsi")
    assert "key=image_hw_disk_bus" in page.url


async def test_a_graph_with_a_cycle_stays_in_view(page: Page, cloud: TestCloud) -> None:
    """A server that is rebuilt from its own snapshot is left of it, and right of what it was created from."""
    user = await UserActions.of(cloud)
    server = await user.server(imageRef=await user.image(name="disk", hw_disk_bus="scsi"))
    await cloud.settle()
    snapshot = str((await user.snapshot(server))["id"])
    await cloud.settle()
    await user.rebuild(server, snapshot)
    await cloud.settle()
    await page.goto(url(cloud, f"#/resource/server:{server}"))
    nodes = page.locator(".graph .node")
    await expect(nodes.filter(has_text=snapshot[:8])).to_have_count(1)
    places = {await node.locator("text").last.text_content(): await node.bounding_box() for node in await nodes.all()}
    assert all(box is not None and box["x"] + box["width"] < 1400 for box in places.values())
    await expect(page.locator(".graph .edge", has_text="rebuilt")).to_have_count(1)


async def test_housekeeping_is_listed_on_request(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    await user.image(name="disk")
    assert cloud.cloud.broker is not None
    transport = await connect("memory", name="stackwire-volume", broker=cloud.cloud.broker)
    request = {"method": "list_revocations", "args": {}, "_unique_id": new_id(), "_context_request_id": "req-upkeep"}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(request)}).encode()
    await transport.publish(Address("stackwire", "nobody"), body)
    await page.goto(url(cloud, "#/stories"))
    rows = page.locator("tbody tr")
    await expect(rows.filter(has_text="create image disk")).to_have_count(1)
    await expect(rows.filter(has_text="list_revocations")).to_have_count(0)
    await page.get_by_label("housekeeping").check()
    await expect(rows.filter(has_text="req-upkeep")).to_have_count(1)


async def test_the_list_is_live_until_it_is_paused(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    await page.goto(url(cloud, "#/stories"))
    await expect(page.locator("#state")).to_contain_text("live")
    await user.image(name="one")
    rows = page.locator("tbody tr")
    await expect(rows.filter(has_text="upload image one")).to_have_count(1)
    await page.keyboard.press("p")
    await expect(page.locator("#pause")).to_have_text("Resume")
    await user.image(name="two")
    await cloud.settle()
    await page.wait_for_timeout(1500)
    await expect(rows.filter(has_text="upload image two")).to_have_count(0)
    await page.locator("#pause").click()
    await expect(rows.filter(has_text="upload image two")).to_have_count(1)


CLICK_IN_THE_MIDDLE = """async (share) => {
    const place = document.querySelector(".scroll"), box = place.getBoundingClientRect();
    place.scrollTop = share * place.scrollHeight;
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    const row = document.elementFromPoint(box.x + 200, box.y + box.height / 2).closest(".message");
    row.click();
    return row.querySelector(".what").title;
}"""


async def test_ten_thousand_messages_are_drawn_as_fast_as_ten(page: Page, cloud: TestCloud) -> None:
    """Only rows in view are drawn."""
    assert cloud.cloud.broker is not None
    transport = await connect("memory", name="test", broker=cloud.cloud.broker)
    ctx = RequestContext()
    for number in range(10_000):
        event = Event(
            exchange="nova", event_type=f"step.{number}", publisher_id=f"compute.host{number % 5}", payload={},
            durable=False,
        )  # fmt: skip
        await Notifier(transport).send(event, ctx.redacted(), new_id(), "2026-01-01 00:00:00.000000")
    await page.goto(url(cloud, f"#/story/{ctx.request_id}"))
    await expect(page.locator("svg .row").first).to_contain_text("step.0")
    assert await page.locator("svg .row").count() < 150
    await page.locator(".diagram").evaluate("place => { place.scrollTop = place.scrollHeight; }")
    await expect(page.locator("svg .row").last).to_contain_text("step.9999")
    assert await page.locator("svg .row").count() < 150
    await page.goto(url(cloud, f"#/messages?request={ctx.request_id}"))
    await expect(page.locator(".message").first).to_be_visible()
    for share in (1, 0, 0.5, 0.502):  # elements that go out of view come again as others
        name = await page.evaluate(CLICK_IN_THE_MIDDLE, share)
        await expect(page.locator("#detail h1")).to_contain_text(name)
        await expect(page.locator(".message.chosen .what")).to_have_text(name)
        assert await page.locator(".message").count() < 150


async def test_the_start_page_draws_the_cloud_and_an_arrow_has_its_messages(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    await user.server(imageRef=await user.image(name="disk"))
    await cloud.settle()
    await page.goto(url(cloud))
    await expect(page.locator(".cloud .node", has_text="nova-conductor")).to_contain_text("conductor")
    await expect(page.locator(".count", has_text="1 server")).to_be_visible()
    await page.locator('.cloud [data-edge="nova-conductor|nova-scheduler"]').focus()
    await page.keyboard.press("Enter")
    rows = page.locator(".message")
    await expect(rows.first).to_contain_text("select_destinations")
    assert {await row.locator(".ends").text_content() for row in await rows.all()} == {
        "nova-conductor → nova-scheduler"
    }
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    assert await page.locator(".message .ends").evaluate_all(cut) == 0, "there is room for both"
    await rows.first.click()
    await expect(page.locator("#detail")).to_contain_text("select_destinations")
    await page.locator("#detail").get_by_role("link", name="its story").click()
    await expect(page.locator("svg .row.chosen")).to_contain_text("select_destinations")


LAYOUTS = [(width, scheme) for width in (1440, 768, 390) for scheme in ("light", "dark")]


async def test_every_view_fits_every_width_and_names_never_overlap(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    server = await user.server(imageRef=await user.image(name="disk", team="storage"))
    await cloud.settle()
    lists, bugs = ("#/", "#/stories", "#/messages", "#/resources"), ("#/bugs", "#/bugs/cve-2016-0757")
    views = (*lists, *bugs, f"#/resource/server:{server}", f"#/story/{server}")
    for width, scheme in LAYOUTS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two words it takes
        for address in views:
            await page.goto(url(cloud, address))
            await expect(page.locator("main svg, main tbody tr, main .message").first).to_be_visible()
            assert await page.evaluate(
                "document.documentElement.scrollWidth <= innerWidth && main.scrollWidth <= main.clientWidth"
            ), (width, address)
        overlaps = """() => {
            const names = [...document.querySelectorAll(".participants .who")];
            const boxes = names.map((one) => one.getBoundingClientRect());
            return boxes.some((one, at) => at && one.width && one.left < boxes[at - 1].right);
        }"""
        assert not await page.evaluate(overlaps), width


async def test_nothing_in_a_message_becomes_markup(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    evil = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>"
    image = await user.image(name=evil, **{"team": evil, evil[:60]: "x"})
    await cloud.settle()
    for address in (
        "",
        "#/stories",
        "#/messages",
        "#/resources",
        f"#/resource/image:{image}?key=team",
        f"#/story/{image}",
    ):
        await page.goto(url(cloud, address))
        await expect(page.locator("main > *").first).to_be_visible()
        assert not (await page.title()).startswith("owned"), "the title is set by the page alone"
    assert await page.locator("img").count() == 0


async def test_an_exported_page_needs_no_server(page: Page, cloud: TestCloud, tmp_path: Path) -> None:
    user = await UserActions.of(cloud)
    image = await user.image(team="</script><b>storage")
    server = await user.server(imageRef=image)
    await cloud.settle()
    found = await exported(page, cloud, server, "html")
    (tmp_path / "story.html").write_text(found)
    await page.goto((tmp_path / "story.html").as_uri())
    await page.locator("tbody tr").first.click()
    await page.locator("svg .row.k-crossing").first.click()
    await expect(page.locator("#detail tr.v-added").first).to_be_visible()
    await page.get_by_role("link", name="server server").first.click()
    await expect(page.locator(".graph .node.here")).to_be_visible()
    await expect(page.locator("tbody tr", has_text="image_team")).to_contain_text("</script><b>storage")


async def exported(page: Page, cloud: TestCloud, resource: str, form: str) -> str:
    answer: Any = await page.request.get(url(cloud, f"stories/{resource}/export?form={form}"))
    assert answer.ok, await answer.text()
    return str(await answer.text())


async def test_a_user_asks_what_a_property_does_and_means(page: Page, cloud: TestCloud) -> None:
    user = await UserActions.of(cloud)
    await user.image(name="disk", hw_disk_bus="floppy", team="storage")
    await page.goto(url(cloud))
    await page.get_by_role("link", name="Explain").click()
    await page.get_by_label("KEY=VALUE").fill("hw_disk_bus=scsi team=a")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("article[data-key=hw_disk_bus] .plus")).to_contain_text('bus="scsi"')
    await expect(page.locator("article[data-key=team]")).to_contain_text("Nothing in this cloud reads it")
    await page.get_by_role("link", name="Definitions").click()
    await page.get_by_label("Id or name").fill("disk")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tr.out")).to_have_count(1)
    await expect(page.locator("tr[data-key=hw_disk_bus]")).to_contain_text("Bus of disks")
    await expect(page.locator("tr[data-key=team]")).to_contain_text("no definition")
    await page.locator("tr[data-key=team]").get_by_role("link", name="explain").click()
    await expect(page.locator("article[data-key=team]")).to_be_visible()
    for width, scheme in ((390, "dark"), (1440, "light")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two words it takes
        for address in ("#/properties/image/disk", "#/explain?property=hw_disk_bus%3Dscsi"):
            await page.goto(url(cloud, address))
            await expect(page.locator("#answer > *").first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_label("Flavor").fill("nothing")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("alert")).to_contain_text("there is no flavor")
