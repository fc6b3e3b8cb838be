"""Whether PostgreSQL lives is told by its pid file; a shortage of the own process is no sign of its death."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackwire.cloud.postgres_home import is_server, pid_in


@contextmanager
def no_free_file() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_pid_file_and_a_damaged_one_have_no_pid(tmp_path: Path) -> None:
    assert pid_in(tmp_path) is None
    (tmp_path / "postmaster.pid").write_text("not a number\n")
    assert pid_in(tmp_path) is None


def test_a_process_that_is_gone_or_another_program_is_no_server(tmp_path: Path) -> None:
    assert not is_server(2**22 + 1, tmp_path)
    assert not is_server(os.getpid(), tmp_path)


def test_without_a_free_file_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text("1\n")
    with pytest.raises(OSError, match="Too many open files") as read, no_free_file():
        pid_in(tmp_path)
    with pytest.raises(OSError, match="Too many open files") as looked, no_free_file():
        is_server(os.getpid(), tmp_path)
    assert (read.value.errno, looked.value.errno) == (errno.EMFILE, errno.EMFILE)
