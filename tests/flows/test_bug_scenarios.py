"""``stackwire bugs`` as a user runs it."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from stackwire.cloud.answers import PropertyAnswers
from stackwire.cloud.bugs.scenarios import SCENARIOS
from stackwire.cloud.bugs.views import found, page_lines, view
from stackwire.core.behaviours import behaviours_of


async def bugs(*words: str) -> tuple[int, str, str]:
    return await command("bugs", *words)


async def command(*words: str) -> tuple[int, str, str]:
    code = "import sys; sys.path[:0] = " + repr(sys.path) + "; from stackwire.cloud.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_list_has_them_all() -> None:
    code, out, err = await bugs("list")
    assert (code, err) == (0, "")
    assert len(SCENARIOS) >= 30
    assert all(bug in out for bug in SCENARIOS)


async def test_a_bug_is_shown_with_its_releases_and_its_link() -> None:
    code, out, _ = await bugs("show", "lp-1893618")
    assert code == 0
    assert "until ussuri" in out
    assert "https://bugs.launchpad.net/bugs/1893618" in out


@pytest.mark.parametrize("bug", SCENARIOS)
def test_each_has_a_page_with_its_messages_on_both_sides(bug: str) -> None:
    page = view(SCENARIOS[bug])
    assert all(page[key] for key in ("wrong", "summary", "history", "steps", "question", "commands"))
    ends = {arrow[end] for side in ("with_bug", "without_bug") for arrow in page[side]["arrows"] for end in (0, 1)}
    assert {"client", f"{ {'image': 'glance', 'volume': 'cinder', 'compute': 'nova'}[page['service']] }-api"} <= ends
    assert [page[side]["arrows"][-1][3] for side in ("with_bug", "without_bug")] == [
        f"found: {page[side]['outcome']}" for side in ("with_bug", "without_bug")
    ], "recorded with the outcome it has now: stackwire bugs run --diagrams services/stackwire/cloud/bugs/recordings"
    assert any("* " in line for line in page_lines(SCENARIOS[bug]))
    assert PropertyAnswers({}).bug(bug) == page, "on file as it is: stackwire bugs show --json"


@pytest.mark.parametrize(
    ("alias", "bug"), [("CVE-2016-0757", "lp-1525915"), ("lp-1439819", "lp-1369854"), ("cve-2015-5251", "lp-1482371")]
)
def test_a_bug_is_known_by_its_other_names(alias: str, bug: str) -> None:
    assert found(alias) is SCENARIOS[bug]
    assert behaviours_of("current", [alias]) is behaviours_of("current", [bug])


async def test_one_is_run_in_two_clouds_and_both_lineages_are_a_page(tmp_path: Path) -> None:
    code, out, err = await bugs("run", "lp-1893618", "--json", "--html", str(tmp_path))
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert (answer["with_bug"]["outcome"], answer["without"]["outcome"], answer["as_told"]) == (False, True, True)
    kinds = [[one["resource"]["kind"] for one in answer[side]["lineage"]] for side in ("with_bug", "without")]
    assert kinds == [["image", "server", "image"]] * 2
    page = (tmp_path / "lp-1893618.html").read_text()
    assert page.count("<h3>server ") == 2
    assert '<tr class="differs"><td>base_image_ref</td>' in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "lp-1"), "there is no bug 'lp-1'"),
        (("show", "x"), "there is no bug"),
        (("run", "--html", "/proc/x"), "/proc"),
    ],
)
async def test_what_cannot_be_shown_is_one_line(words: tuple[str, ...], says: str) -> None:
    code, out, err = await bugs(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


async def test_two_releases_are_compared_on_one_journey() -> None:
    code, out, err = await command("trace", "between", "icehouse", "current", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    lost = {one["key"] for one in answer["differences"] if one["icehouse"] is None}
    assert {"base_image_ref", "team", "hw_disk_bus"} <= lost
    code, out, err = await command("trace", "between", "grizzly", "current")
    assert (code, out) == (2, "")
    assert "unknown release" in err
