"""The memory of a process's threads."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, threading
from stackwire.runtime.main import prepare_process

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
prepare_process()
together = threading.Barrier(8)

def allocate():
    kept = [bytearray(100_000) for _ in range(10)]
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fclose(out)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_threads_share_one_heap() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if "malloc_info" in done.stderr:
        pytest.skip("another C library")
    assert done.stdout.count("<heap nr=") == 1, done.stderr
