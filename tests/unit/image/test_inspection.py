"""What the inspector makes of bytes: the safe pass, the rest is refused while it streams."""

import contextlib
import random
import struct
import sys
import tracemalloc
from uuid import UUID

import pytest

from stackwire.core.errors import UnsupportedMedia
from stackwire.disk_image.inspection import StreamDetector
from stackwire.image.domain.inspection import INSPECTED, Inspection

KB64 = 65536


def qcow2(version: int = 3, backing: int = 0, features: int = 0, size: int = 1 << 30) -> bytes:
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", version, backing, 1 if backing else 0, 16, size)
    head = head.ljust(0x48, b"\0") + struct.pack(">Q", features)
    return head.ljust(KB64, b"\0")


def vmdk(kind: str = "monolithicSparse", extent: str = "disk.vmdk") -> bytes:
    descriptor = (
        (
            "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
            f'createType="{kind}"\n\n# Extent description\nRW 2048 SPARSE "{extent}"\n'
        )
        .encode()
        .ljust(20 * 512, b"\0")
    )
    head = struct.pack("<4sIIQQQQ", b"KDMV", 1, 3, 2048, 128, 1, 20).ljust(512, b"\0")
    return (head + descriptor).ljust(KB64, b"\0")


def vhdx(size: int = 3 << 30) -> bytes:
    """With the region table at 192 KiB, the metadata at 2 MiB and the size after its table, as qemu-img writes it."""
    metadata, sizes = 2 << 20, KB64
    regions = struct.pack("<4sIII", b"regi", 0, 1, 0) + UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
    table = struct.pack("<8sHH20x", b"metadata", 0, 1) + UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8").bytes_le
    parts = {
        0: b"vhdxfile",
        192 * 1024: regions + struct.pack("<QII", metadata, 1 << 20, 1),
        metadata: table + struct.pack("<III", sizes, 8, 0),
        metadata + sizes: struct.pack("<Q", size),
    }
    whole = bytearray(8 << 20)
    for at, part in parts.items():
        whole[at : at + len(part)] = part
    return bytes(whole)


def inspected(declared: str, data: bytes, *, match: bool = True, chunk: int = 1000) -> int | None:
    inspection = Inspection(declared, "bare", match=match)
    for at in range(0, len(data), chunk):
        inspection.update(data[at : at + chunk])
    return inspection.finish(len(data))


@pytest.mark.parametrize(
    ("declared", "data", "virtual_size"),
    [
        ("qcow2", qcow2(), 1 << 30),
        ("qcow2", qcow2(version=2), 1 << 30),
        ("qcow2", qcow2(features=0x8), 1 << 30),
        ("qcow2", qcow2(size=2**63 - 1), 2**63 - 1),
        ("raw", qcow2(), KB64),
        ("raw", b"", None),
        ("raw", b"x" * 10, 10),
        ("raw", b"QFI\xfb" + b"x" * 6, 10),
        ("raw", b"# Disk DescriptorFile\n".ljust(KB64, b"\0"), KB64),
        ("vmdk", vmdk(), 2048 * 512),
        ("vmdk", vmdk("streamOptimized"), 2048 * 512),
        ("ami", b"x" * 100, None),
    ],
)
def test_safe_bytes_pass_and_tell_their_virtual_size(declared: str, data: bytes, virtual_size: int | None) -> None:
    assert inspected(declared, data) == virtual_size


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        ("qcow2", qcow2(version=1)),
        ("qcow2", qcow2(version=9)),
        ("qcow2", qcow2(backing=0x200)),
        ("qcow2", qcow2(features=0x4)),
        ("qcow2", qcow2(features=0x10)),
        ("qcow2", qcow2(features=1 << 40)),
        ("qcow2", qcow2(size=2**64 - 1)),
        ("raw", qcow2(backing=0x200)),
        ("raw", qcow2(features=0x4)),
        ("vmdk", vmdk("monolithicFlat")),
        ("vmdk", vmdk(extent="/etc/passwd")),
        ("raw", vmdk("monolithicFlat")),
        ("vmdk", b"# Disk DescriptorFile\n".ljust(KB64, b"\0")),
        ("raw", b"QED\0".ljust(KB64, b"\0")),
        ("qcow2", b"QFI\xfb" + b"x" * 6),
        ("qcow2", b""),
        ("qcow2", b"\x1f\x8b".ljust(KB64, b"\0")),
        ("vhd", qcow2()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chunk", [7, 1000, 1 << 20])
def test_unsafe_bytes_and_false_claims_are_refused(declared: str, data: bytes, chunk: int) -> None:
    with pytest.raises(UnsupportedMedia):
        inspected(declared, data, chunk=chunk)


def test_an_iso_that_is_a_qcow2_too_is_refused() -> None:
    polyglot = bytearray(qcow2().ljust(40 * 2048, b"\0"))
    polyglot[0x8001:0x8006] = b"CD001"
    for declared in ("iso", "qcow2", "raw"):
        with pytest.raises(UnsupportedMedia):
            inspected(declared, bytes(polyglot))


def test_a_claim_need_not_hold_where_the_operator_does_not_ask_for_it_but_unsafe_stays_unsafe() -> None:
    assert inspected("qcow2", b"x" * 100, match=False) is None
    with pytest.raises(UnsupportedMedia):
        inspected("vhd", qcow2(backing=0x200), match=False)


def test_what_is_not_bare_is_not_looked_into() -> None:
    inspection = Inspection("qcow2", "ovf")
    inspection.update(b"x")
    assert inspection.finish(1) is None


def crafted(chance: random.Random) -> bytes:
    """A header of some format, with nonsense for what it says of lengths and places."""
    base = chance.choice([qcow2(), qcow2(version=2), vmdk(), vmdk("streamOptimized"), *HEADS])
    made = bytearray(base.ljust(KB64, b"\0"))
    for _ in range(chance.randrange(1, 40)):
        at = chance.randrange(4, 1024)
        made[at : at + 8] = chance.choice([b"\xff" * 8, b"\x7f" + b"\xff" * 7, bytes(8), chance.randbytes(8)])
    return bytes(made[:KB64]) * 4


HEADS = (
    b"vhdxfile", b"conectix", b"QED\0", b"LUKS\xba\xbe\0\1", b"\x1f\x8b", b"KDMV\1\0\0\0" + b"\xff" * 40,
    b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(0x40, b"\0") + b"\x7f\x10\xda\xbe",
    b"\0" * 0x8001 + b"CD001", b"\0" * 510 + b"\x55\xaa", b"# Disk DescriptorFile\n" * 3000,
)  # fmt: skip


def test_crafted_headers_cost_neither_work_nor_memory() -> None:
    """CVE-2015-5162: two thousand of them, each some thousand calls and a few MiB."""
    chance = random.Random(20155162)
    images = [(chance.choice(sorted(INSPECTED)), crafted(chance)) for _ in range(200)]
    calls, most, largest = 0, 0, 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    tracemalloc.start()
    try:
        for number in range(2000):
            declared, data = images[number % len(images)]
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            calls = 0
            sys.setprofile(count)
            with contextlib.suppress(UnsupportedMedia):
                inspected(declared, data, chunk=KB64)
            sys.setprofile(None)
            most = max(most, calls)
            _, peak = tracemalloc.get_traced_memory()
            largest = max(largest, peak - before)
    finally:
        sys.setprofile(None)
        tracemalloc.stop()
    assert most < 20_000
    assert largest < 5 * 2**20


@pytest.mark.parametrize("chunk", [KB64, 1 << 20, 4 << 20, 8 << 20])
def test_a_vhdx_tells_its_virtual_size_in_chunks_of_any_size(chunk: int) -> None:
    assert inspected("vhdx", vhdx(), chunk=chunk) == 3 << 30


@pytest.mark.parametrize("expected", [None, "raw"])
@pytest.mark.parametrize(
    ("content", "formats"),
    [
        ("# A page, not a disk: café\n".encode() * 4000, ["raw"]),
        (b'# createType="streamOptimized"\n' + b"RW 1\n" * 4000, ["vmdk"]),
        (b"LUKS\xba\xbe\x00\x01" + bytes(20), ["luks"]),
        (b"LUKS\xba\xbe\x00\x02" + bytes(20), ["luks"]),
    ],
    ids=["a text that is not ASCII", "a text like a descriptor", "half a LUKS header", "half a LUKS 2 header"],
)
def test_content_that_only_begins_like_a_format_breaks_nothing(
    content: bytes, formats: list[str], expected: str | None
) -> None:
    detector = StreamDetector(expected)
    for at in range(0, len(content), 65536):
        detector.feed(content[at : at + 65536])
    found = detector.finish()
    size = len(content) if formats == ["raw"] else 0
    assert [(each.name, each.virtual_size) for each in found] == [(name, size) for name in formats]
