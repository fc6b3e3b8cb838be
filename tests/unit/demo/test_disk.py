"""The disk the demo makes when nobody names one."""

import hashlib
import struct
from pathlib import Path

import pytest
from oslo_utils.imageutils import format_inspector

from stackwire.cloud import disk


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return disk.write(tmp_path / "disk.img")


def test_a_disk_ends_its_first_sector_with_the_boot_signature(image: Path) -> None:
    assert image.read_bytes()[510:512] == b"\x55\xaa"


def test_a_disk_has_one_bootable_partition_that_fills_the_rest(image: Path) -> None:
    table = image.read_bytes()[446:510]
    status, _, kind, _, first, count = struct.unpack("<B3sB3sII", table[:16])
    assert (status, kind, first) == (0x80, 0xDA, 2048)
    assert (first + count) * 512 == image.stat().st_size == disk.SIZE
    assert not any(table[16:])


def test_the_code_points_at_its_text_and_leaves_room_for_the_table() -> None:
    sector = disk.boot_sector()
    address = struct.unpack_from("<H", sector, sector.index(b"\xbe") + 1)[0] - 0x7C00
    end = sector.index(b"\0", address)
    assert sector[address:end].decode() == disk.GREETING
    assert end < 440


def test_a_pc_that_runs_the_sector_prints_its_line_and_halts() -> None:
    assert _run(disk.boot_sector()) == disk.GREETING


def test_a_disk_is_the_same_every_time(image: Path, tmp_path: Path) -> None:
    other = disk.write(tmp_path / "other.img")
    assert hashlib.sha512(image.read_bytes()).digest() == hashlib.sha512(other.read_bytes()).digest()


def test_a_format_inspector_finds_a_sound_partitioned_raw_disk(image: Path) -> None:
    found = format_inspector.detect_file_format(str(image))
    assert str(found) in ("gpt", "raw")  # the inspector's name for any partition table, MBR included
    found.safety_check()


@pytest.mark.parametrize("size", [0, 1000, 2048 * 512])
def test_a_disk_too_small_or_with_half_a_sector_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="sectors"):
        disk.write(tmp_path / "disk.img", size)


def _run(sector: bytes) -> str:
    """What a PC prints: the handful of 16-bit instructions the sector uses, loaded at 0x7C00, until it halts."""
    memory = bytes(0x7C00) + sector
    at, text = 0x7C00, ""
    al = ah = si = 0
    zero = False
    plain = {b"\xfa": 1, b"\x31\xc0": 2, b"\x8e\xd8": 2, b"\x8e\xd0": 2, b"\xbc": 3, b"\xfb": 1, b"\xfc": 1}
    plain |= {b"\xbb": 3, b"\xe6\xe9": 2}
    for _ in range(10_000):
        known = next((length for code, length in plain.items() if memory.startswith(code, at)), 0)
        if known:
            at += known
        elif memory[at] == 0xBE:  # mov si
            si, at = int.from_bytes(memory[at + 1 : at + 3], "little"), at + 3
        elif memory[at] == 0xAC:  # lodsb
            al, si, at = memory[si], si + 1, at + 1
        elif memory[at : at + 2] == b"\x84\xc0":  # test al, al
            zero, at = al == 0, at + 2
        elif memory[at] == 0xB4:  # mov ah
            ah, at = memory[at + 1], at + 2
        elif memory[at] in (0x74, 0xEB):  # jz, jmp: a signed distance from the next instruction
            taken = zero or memory[at] == 0xEB
            at += 2 + (int.from_bytes(memory[at + 1 : at + 2], signed=True) if taken else 0)
        elif memory[at : at + 2] == b"\xcd\x10":  # the firmware's video service
            assert ah == 0x0E
            text, at = text + chr(al), at + 2
        elif memory[at] == 0xF4:  # hlt
            return text
        else:
            raise AssertionError(f"what is {memory[at]:#x}?")
    raise AssertionError("it never halts")
