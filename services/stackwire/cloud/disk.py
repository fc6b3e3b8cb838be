"""A small bootable disk image: a boot sector, a valid partition table, and reproducible bytes.

A PC's firmware loads the first sector at 0x7C00 and jumps into it; this one prints a line and halts.
"""

import os
import struct
from pathlib import Path

SECTOR = 512
MEBIBYTE = 1024 * 1024
SIZE = 8 * MEBIBYTE
GREETING = "Stackwire: this disk boots. Its properties travelled well.\r\n"

_LOADED_AT = 0x7C00
_FIRST_PARTITION = 2048  # sectors; a mebibyte, as every partitioning tool aligns today
_DISK_SIGNATURE = 0x57A0C4B1
_NO_FILE_SYSTEM = 0xDA  # the partition type for data without a file system
_NO_CHS = b"\xfe\xff\xff"  # "too far for cylinders, heads and sectors: read the LBA"

# 16-bit real mode; {message} is the address of the text. DS and SS are zeroed, for firmware leaves anything in them.
_CODE = bytes.fromhex(
    "fa"  # cli
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "8ed0"  # mov ss, ax
    "bc007c"  # mov sp, 0x7c00
    "fb"  # sti
    "fc"  # cld
    "be0000"  # mov si, message             (the address is filled in below)
    "ac"  # next: lodsb
    "84c0"  # test al, al
    "740b"  # jz halt
    "e6e9"  # out 0xe9, al                (the debug console of QEMU and Bochs; nothing elsewhere)
    "b40e"  # mov ah, 0x0e                (teletype output)
    "bb0700"  # mov bx, 7                   (page 0, light grey)
    "cd10"  # int 0x10
    "ebf0"  # jmp next
    "f4"  # halt: hlt
    "ebfd"  # jmp halt
)
_MESSAGE_OPERAND = _CODE.index(b"\xbe") + 1


def boot_sector(size: int = SIZE) -> bytes:
    """The first 512 bytes of a disk of ``size`` bytes: code, text, disk signature, one bootable partition, 0x55AA."""
    code = bytearray(_CODE + GREETING.encode("ascii") + b"\0")
    struct.pack_into("<H", code, _MESSAGE_OPERAND, _LOADED_AT + len(_CODE))
    partition = struct.pack(
        "<B3sB3sII", 0x80, _NO_CHS, _NO_FILE_SYSTEM, _NO_CHS, _FIRST_PARTITION, size // SECTOR - _FIRST_PARTITION
    )
    return b"".join(
        (bytes(code).ljust(440, b"\0"), struct.pack("<IH", _DISK_SIGNATURE, 0), partition.ljust(64, b"\0"), b"\x55\xaa")
    )


def write(path: Path, size: int = SIZE) -> Path:
    """Writes the disk (format raw); sparse where possible. Raises ValueError unless ``size`` is in whole sectors and
    has room for the partition."""
    if size % SECTOR or size <= _FIRST_PARTITION * SECTOR:
        raise ValueError(f"a disk has whole sectors of {SECTOR} bytes and more than {_FIRST_PARTITION} of them")
    with path.open("wb") as disk:
        disk.write(boot_sector(size))
        disk.seek(_FIRST_PARTITION * SECTOR)
        disk.write(b"".join(_page(number) for number in range(256)))
        disk.seek(0, os.SEEK_END)
        disk.truncate(size)
    return path


def _page(number: int) -> bytes:
    """A sector with unique content, so that a copy with lost or swapped sectors has another checksum."""
    line = f"sector {_FIRST_PARTITION + number} of a disk that Stackwire made\n"
    return (line * (SECTOR // len(line) + 1)).encode("ascii")[:SECTOR]
