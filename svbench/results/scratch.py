"""A scratch folder for temporary audio that is removed together with the process that owns it."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from svbench.disk import PARTIAL, remove_tree

try:
    import fcntl
except ImportError:  # pragma: no cover -- not a POSIX system
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".scratch-"
_LOCK = "lock"
# How often a live owner touches its lock, and after which silence it counts as dead if locks do not work.
_BEAT_S, _SILENT_S = 60.0, 900.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a scratch folder, and remove those that dead processes left behind.

    It is beside the results, since a memory-backed temporary folder is too small for long tracks.

    Notes
    -----
    The owner holds a lock on a file in the folder, which the system releases however the owner ends. So the
    folder of a second svbench that works on the same run is left alone, on this machine or another one that
    shares the disk. Process numbers would not do: other machines, and containers, use the same ones. Some
    network file systems do not share locks between machines; there a folder of another machine, or from
    before a restart, is removed only if its owner has not touched the lock for a quarter of an hour.

    SIGTERM and SIGHUP (a closed terminal) raise `SystemExit` inside this context, so that the folder is
    removed, unless the program handles these signals itself.
    """
    folder = Path(tempfile.mkdtemp(dir=beside, prefix=_PREFIX))
    ended = threading.Event()
    try:
        handle = _locked(folder)
        try:
            for old in _others(folder):
                if not _is_alive(old, folder):
                    remove_tree(old)
            threading.Thread(target=_beat, args=(folder / _LOCK, ended), daemon=True).start()
            with _leaving_on_signals():
                yield folder
        finally:
            ended.set()
            os.close(handle)
    finally:
        remove_tree(folder)


def remove_partial_files(folder: Path, scratch: Path) -> None:
    """Remove half-written files of killed writers from a run folder, unless another svbench writes to it.

    Parameters
    ----------
    folder : Path
        The run folder. Every writer has a scratch folder in it.
    scratch : Path
        The scratch folder of the caller.
    """
    # List files first, then look for other writers: a file of one that starts in between is not in the list.
    partial = [*folder.glob(f"{PARTIAL}*"), *folder.glob(f"*/{PARTIAL}*"), *folder.glob(f"*/*/{PARTIAL}*")]
    if partial and not any(_is_alive(other, scratch) for other in _others(scratch)):
        for path in partial:
            path.unlink(missing_ok=True)


def _others(own: Path) -> list[Path]:
    return [p for p in own.parent.glob(f"{_PREFIX}*") if p.name != own.name]


def _locked(folder: Path) -> int:
    """Create the lock file, which says who holds it; it gets its name after it is locked."""
    unnamed = folder / f".{_LOCK}"
    handle = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if fcntl:
        with contextlib.suppress(OSError):  # no locks on this file system
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(handle, f"{_boot()}\nprocess {os.getpid()} on {platform.node()}\n".encode())
    unnamed.rename(folder / _LOCK)
    return handle


def _is_alive(old: Path, own: Path) -> bool:
    """Whether the owner of a scratch folder may still run."""
    try:
        # Open for writing, since network file systems lock no other files.
        handle = os.open(old / _LOCK, os.O_RDWR)
    except PermissionError:
        return True  # another user's folder, which could not be removed anyway
    except OSError:
        return _is_fresh(old, own)  # the owner is about to lock it, or it is of an earlier version
    try:
        if fcntl:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                return _is_fresh(old / _LOCK, own)
        # Within one boot of one machine, a lock that is free proves that its owner is dead.
        here = os.pread(handle, 64, 0).decode(errors="replace").partition("\n")[0] == _boot()
        return not (fcntl and here and _boot()) and _is_fresh(old / _LOCK, own)
    finally:
        os.close(handle)


def _is_fresh(path: Path, own: Path) -> bool:
    """Whether a file was touched recently, by the clock of the file system (machines may disagree)."""
    try:
        now = own / ".now"
        now.touch()
        return now.stat().st_mtime - path.stat().st_mtime < _SILENT_S
    except OSError:
        return path.exists()


def _beat(lock: Path, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_S):
        with contextlib.suppress(OSError):
            os.utime(lock)


def _boot() -> str:
    """Return an id that no other machine, and no other boot of this one, has."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        restore()  # a second signal ends the process at once
        raise SystemExit(128 + number)

    def restore() -> None:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)

    # Not if they are ignored (nohup) or handled by the program that uses this.
    taken = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        restore()
