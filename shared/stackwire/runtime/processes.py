"""Several processes that serve the same ports, and the one that starts them, keeps them alive and stops them.

The supervisor has no event loop and no threads of its own: it forks. Each process gets sockets of its own
(``SO_REUSEPORT``), between which the kernel divides the connections. The supervisor keeps them open: what came for a
process that died waits there for the next one, and is not refused.

SIGTERM and SIGINT stop all of them, each in its own time; a second SIGINT ends them at once. SIGHUP replaces one after
the other.
"""

import contextlib
import gc
import logging
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stackwire.runtime import siblings
from stackwire.runtime.process_slots import Slot, slots_of
from stackwire.runtime.siblings import Place, Share

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 30.0
"""Before a process that died is started again; one that dies soon waits longer each time."""
STABLE_SECONDS = 10.0
"""A process that lived so long did not die of its start."""
WATCH_SECONDS = 0.25
FAILED = 1
Ready = Callable[[str], None]
"""What a process calls when it serves, with a text for whoever started all of them."""
Work = Callable[[Share, Ready], int]
"""What a process does until it is told to stop; its exit code."""


class Supervisor:
    """``name``: of what runs, for the log. ``work``: what each process does; ``places``: where all of them listen.

    ``grace``: seconds that a process has to stop. ``overlap``: at SIGHUP the next process is there before the former
    one leaves; not where two at once would do the same work. ``watch`` is called a few times a second.
    """

    def __init__(
        self,
        name: str,
        count: int,
        work: Work,
        places: Sequence[Place],
        *,
        grace: float,
        overlap: bool = False,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._count = count
        self._work = work
        self._places = places
        self._grace = grace
        self._overlap = overlap
        self._watch = watch
        self._slots: list[Slot] = []
        self._renewing: list[Slot] = []
        self._text = ""
        self._exit_code: int | None = None
        self._announced = False
        self._stop_until: float | None = None

    def run(self, announce: Ready) -> int:
        """Returns when all processes have ended: 0 after a signal, or the exit code of one that could not start.

        ``announce`` is called when all of them serve. Raises PortInUse.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="stackwire-processes-"))
        self._supervised, self._supervising = os.pipe()
        waking, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        former = {}
        try:
            self._slots = slots_of(self._name, self._count, self._places)
            former = {name: signal.signal(name, lambda *_: None) for name in _SIGNALS}
            signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
            gc.collect()
            gc.freeze()  # what is shared with the processes stays shared
            return self._supervise(waking, announce)
        finally:
            self._kill_all()
            signal.set_wakeup_fd(-1)
            for name, handler in former.items():
                signal.signal(name, handler)
            for end in (self._supervised, self._supervising, waking, self._woken):
                os.close(end)
            self._close_sockets()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _supervise(self, waking: int, announce: Ready) -> int:
        while True:
            self._start_due()
            if not self._announced and all(slot.ready for slot in self._slots):
                self._announced = True
                announce(self._text)
            self._wait(waking)
            self._reap()
            if self._stop_until is None:
                self._watch()
            elif not any(slot.pid or slot.former for slot in self._slots):
                return self._exit_code or 0
            elif time.monotonic() > self._stop_until:
                log.warning("%s: what has not stopped is ended", self._name)
                self._kill_all()

    def _start_due(self) -> None:
        """Until the first one serves it is alone: it prepares the database, and says why nothing can start."""
        if self._stop_until is not None:
            return
        first = self._slots[0]
        for slot in self._slots:
            if not slot.pid and slot.due is not None and slot.due <= time.monotonic():
                if slot is not first and not (first.ready or self._announced):
                    continue
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            os.close(reader)
            self._be(slot, writer)
        os.close(writer)
        slot.pid, slot.pipe, slot.began = pid, reader, time.monotonic()
        slot.due, slot.ready, slot.leaving = None, False, False

    def _be(self, slot: Slot, pipe: int) -> None:
        """The forked process; never returns."""
        code = FAILED
        try:
            signal.set_wakeup_fd(-1)
            for name in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(name, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.close(self._supervising)
            for other in self._slots:
                if other.pipe >= 0:
                    os.close(other.pipe)
                if other is not slot:
                    for listening in other.sockets.values():
                        listening.close()
            share = Share(slot.number, self._count, self._folder, slot.sockets, self._supervised)
            siblings.become(share)
            code = self._work(share, lambda text: _report(pipe, text))
        except BaseException:
            log.exception("%s: process %d failed", self._name, slot.number)
        finally:
            logging.shutdown()
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _wait(self, waking: int) -> None:
        """Until a signal, a process that is ready, or the next thing that is due."""
        pipes = {slot.pipe: slot for slot in self._slots if slot.pipe >= 0}
        due = [slot.due - time.monotonic() for slot in self._slots if slot.due is not None]
        found, _, _ = select.select([waking, *pipes], [], [], max(0.01, min([WATCH_SECONDS, *due])))
        for end in found:
            if end == waking:
                for number in os.read(waking, 4096):
                    self._on_signal(signal.Signals(number))
            else:
                self._on_ready(pipes[end])

    def _on_ready(self, slot: Slot) -> None:
        text = os.read(slot.pipe, 65536).decode()
        os.close(slot.pipe)
        slot.pipe = -1
        if not text:
            return  # it ended
        slot.ready = True
        self._text = self._text or text
        log.info("%s: process %d has started, as %d", self._name, slot.number, slot.pid)
        if slot.former:
            _signal(slot.former, signal.SIGTERM)
        self._renew_next()

    def _on_signal(self, name: signal.Signals) -> None:
        if name == signal.SIGHUP and self._stop_until is None and not self._renewing:
            log.info("%s: its processes are replaced one after the other", self._name)
            self._renewing = [*self._slots]
            self._renew(self._renewing[0])
        elif name == signal.SIGINT and self._stop_until is not None:
            self._kill_all()
        elif name in (signal.SIGINT, signal.SIGTERM):
            self._stop()

    def _renew(self, slot: Slot) -> None:
        if not slot.pid:
            return  # it is about to be started anyway
        if self._overlap:
            slot.former, slot.pid, slot.due = slot.pid, 0, 0.0
        else:
            slot.leaving = True
            _signal(slot.pid, signal.SIGTERM)

    def _renew_next(self) -> None:
        if self._renewing and self._renewing[0].ready and not self._renewing[0].leaving:
            self._renewing.pop(0)
            if self._renewing:
                self._renew(self._renewing[0])

    def _stop(self) -> None:
        if self._stop_until is not None:
            return
        self._stop_until = time.monotonic() + self._grace
        self._renewing = []
        self._close_sockets()
        for pid in self._pids():
            _signal(pid, signal.SIGTERM)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for slot in self._slots:
                if pid == slot.former:
                    slot.former = 0
                    log.info("%s: process %d, %d, has stopped", self._name, slot.number, pid)
                elif pid == slot.pid:
                    self._on_end(slot, pid, os.waitstatus_to_exitcode(status))

    def _on_end(self, slot: Slot, pid: int, code: int) -> None:
        slot.pid, slot.ready = 0, False
        if slot.pipe >= 0:
            os.close(slot.pipe)
            slot.pipe = -1
        if slot.leaving or self._stop_until is not None:
            log.info("%s: process %d, %d, has stopped", self._name, slot.number, pid)
            slot.due = 0.0 if self._stop_until is None else None
            return
        if not self._announced:
            self._exit_code = code if code > 0 else FAILED
            self._stop()
            return
        lived = time.monotonic() - slot.began
        slot.pause = 0.0 if lived > STABLE_SECONDS else slot.pause
        slot.pause = min(MAX_PAUSE_SECONDS, slot.pause * 2 or FIRST_PAUSE_SECONDS)
        slot.due = time.monotonic() + slot.pause
        text = "%s: process %d, %d, ended %s: it is started again in %g s"
        log.warning(text, self._name, slot.number, pid, _how(code), slot.pause)

    def _pids(self) -> list[int]:
        return [pid for slot in self._slots for pid in (slot.pid, slot.former) if pid]

    def _kill_all(self) -> None:
        for pid in self._pids():
            _signal(pid, signal.SIGKILL)

    def _close_sockets(self) -> None:
        for slot in self._slots:
            for listening in slot.sockets.values():
                listening.close()


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def _report(pipe: int, text: str) -> None:
    os.write(pipe, text.encode())
    os.close(pipe)


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _signal(pid: int, name: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, name)
