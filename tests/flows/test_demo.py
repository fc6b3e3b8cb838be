"""The demonstration as a user runs it: a program of its own, its output, its report, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WORDS = [sys.executable, "-m", "stackwire.cloud", "demo"]


@dataclass(frozen=True)
class Shown:
    code: int
    out: str
    err: str
    report: dict[str, Any]
    left: list[str]

    def stop(self, label: str) -> dict[str, str | None]:
        (found,) = (stop for stop in self.report["stops"] if stop["label"] == label)
        properties: dict[str, str | None] = found["properties"]
        return properties

    def lost(self, label: str) -> set[str]:
        return {one["key"] for one in self.report["differences"] if one["at"] == label and one["what"] == "lost"}


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    """One demonstration for all tests that only look at it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        work = Path(folder) / "work"
        work.mkdir()
        done = subprocess.run(
            [*WORDS, "--json", str(report)], capture_output=True, text=True, env=environment(work), timeout=100
        )
        told = json.loads(report.read_text()) if done.returncode == 0 else {}
        yield Shown(done.returncode, done.stdout, done.stderr, told, os.listdir(work))


def test_the_demonstration_succeeds_and_leaves_nothing_behind(shown: Shown) -> None:
    assert shown.code == 0, shown.err
    assert shown.left == []


def test_the_saved_image_is_the_uploaded_one(shown: Shown) -> None:
    assert shown.report["checksums"]["equal"]
    assert "The saved image is the uploaded one" in shown.out


def test_each_message_is_shown_on_a_line_of_its_own(shown: Shown) -> None:
    for name in ("schedule_and_build_instances", "select_destinations", "rebuild_instance", "volume.capture"):
        assert [line for line in shown.out.splitlines() if f" {name}" in line], name
    assert "\x1b[" not in shown.out


def test_what_nobody_asked_for_is_not_shown(shown: Shown) -> None:
    assert [line for line in shown.out.splitlines() if " demo -> nova-api " in line and " POST " in line]
    assert not [line for line in shown.out.splitlines() if " demo -> " in line and " GET " in line]
    assert "sync_instance_info" not in shown.out


def test_no_secret_is_shown_or_written(shown: Shown) -> None:
    everything = shown.out + json.dumps(shown.report)
    assert "eyJ" not in everything
    tokens = [
        m["payload"].get("_context_auth_token") for m in shown.report["messages"] if isinstance(m["payload"], dict)
    ]
    assert set(tokens) <= {None, "***"}


def test_a_long_value_is_cut_on_its_way_to_the_server_and_stays_cut_in_the_snapshot(shown: Shown) -> None:
    whole = shown.stop("image")["long_note"] or ""
    assert len(whole) > 255
    assert shown.stop("volume")["long_note"] == whole
    assert shown.stop("image of the volume")["long_note"] == whole
    assert shown.stop("server from image")["image_long_note"] == whole[:255]
    assert shown.stop("snapshot")["long_note"] == whole[:255]


def test_a_unicode_value_arrives_unharmed(shown: Shown) -> None:
    note = shown.stop("image")["unicode_note"]
    assert note == shown.stop("server from volume")["image_unicode_note"] == shown.stop("snapshot")["unicode_note"]


def test_what_was_set_on_the_volume_is_what_its_server_gets(shown: Shown) -> None:
    assert shown.stop("server from volume")["image_team"] == "set on the volume"


def test_a_rebuild_names_the_other_image_as_its_base(shown: Shown) -> None:
    (other,) = (stop["resource"]["id"] for stop in shown.report["stops"] if stop["label"] == "other image")
    assert shown.stop("rebuilt server")["image_base_image_ref"] == other
    assert shown.stop("second snapshot")["base_image_ref"] == other


def test_the_guest_has_the_disk_bus_the_image_asks_for(shown: Shown) -> None:
    assert shown.stop("its guest XML")["hw_disk_bus"] == "scsi"
    assert shown.stop("its new guest XML")["hw_disk_bus"] == "virtio"


def test_an_old_release_would_have_lost_what_its_rules_lose(shown: Shown) -> None:
    assert {"team", "hw_disk_bus", "long_note"} <= shown.lost("image of the volume")
    assert "image_base_image_ref" in shown.lost("rebuilt server")
    assert "base_image_ref" in shown.lost("second snapshot")


def test_every_property_of_every_stop_has_a_lineage(shown: Shown) -> None:
    known = {
        (found["resource"]["kind"], found["resource"]["id"]): {one["key"] for one in found["properties"]}
        for found in shown.report["lineage"]
    }
    for stop in shown.report["stops"]:
        own = {
            key for key in stop["properties"] if key not in ("min_disk", "min_ram", "disk_format", "container_format")
        }
        assert own <= known[stop["resource"]["kind"], stop["resource"]["id"]], stop["label"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{folder}/missing.img"], "is missing"),
        (["{folder}"], "is not a file"),
        (["{folder}/empty.img"], "is empty"),
        (["{folder}/text.img"], "is not a disk image"),
        (["--json", "{folder}/no/such/folder.json"], "cannot write"),
        (["--release", "grizzly"], "unknown release"),
        (["--nonsense"], "No such option"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_exit_code_2(tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "empty.img").touch()
    (tmp_path / "text.img").write_text("# " + "words " * 200 + "→ " * 300)
    asked = [word.format(folder=tmp_path) for word in words]
    done = subprocess.run([*WORDS, *asked], capture_output=True, text=True, env=environment(tmp_path), timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_cleans_up(tmp_path: Path, sent: signal.Signals) -> None:
    process = subprocess.Popen(
        WORDS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "boot a server from the image" in line:
            break
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert os.listdir(tmp_path) == []
    assert not [name for name in _commands() if str(tmp_path) in name]


def _commands() -> list[str]:
    """The command lines of everything that runs."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


def test_a_reader_who_has_read_enough_ends_it_without_a_word(tmp_path: Path) -> None:
    process = subprocess.Popen(
        WORDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)
    )
    assert process.stdout is not None
    for _ in range(9):  # the ninth line is a message's
        process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait(60) == 130
    assert os.listdir(tmp_path) == []
