"""A folder for audio in transit that does not outlive the process it belongs to."""

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
# A live owner touches its lock so often; one silent for long is dead, where nothing better can be known.
_BEAT_S, _SILENT_S = 60.0, 900.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a scratch folder, and remove those that dead processes left behind.

    It lies beside the results: a memory-backed temporary folder is too small for long tracks.

    Notes
    -----
    The owner holds a lock on a file in it, which ends with the owner in whatever way that happens. So
    a second svbench at work on the same run is left alone, on this machine or another one that shares the
    disk, whatever the two are called. Some network file systems keep locks to one machine; there a folder
    of another machine, or from before a restart, is removed only once its owner has not touched
    the lock for a quarter of an hour.

    SIGTERM and SIGHUP (a closed terminal) leave this context by `SystemExit`, so that the folder is removed
    then, unless the program handles them itself.
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
    """Remove what killed writers left half written in a run folder, unless another svbench is at work there.

    Parameters
    ----------
    folder : Path
        Whoever writes to it holds a scratch folder in it.
    scratch : Path
        The caller's own.
    """
    # Listed before looking for others: a file of one that starts meanwhile is not in the list.
    partial = [*folder.glob(f"{PARTIAL}*"), *folder.glob(f"*/{PARTIAL}*"), *folder.glob(f"*/*/{PARTIAL}*")]
    if partial and not any(_is_alive(other, scratch) for other in _others(scratch)):
        for path in partial:
            path.unlink(missing_ok=True)


def _others(own: Path) -> list[Path]:
    return [p for p in own.parent.glob(f"{_PREFIX}*") if p.name != own.name]


def _locked(folder: Path) -> int:
    """Write the lock file, with who holds it for a reader; it bears its name only once it is locked."""
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
        # For writing, since network file systems lock no others.
        handle = os.open(old / _LOCK, os.O_RDWR)
    except PermissionError:
        return True  # a colleague's, which could not be removed anyway
    except OSError:
        return _is_fresh(old, own)  # its owner is about to lock it, or it is of an earlier version
    try:
        if fcntl:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                return _is_fresh(old / _LOCK, own)
        # Within one boot of one machine a lock that can be had proves that its owner is dead.
        here = os.pread(handle, 64, 0).decode(errors="replace").partition("\n")[0] == _boot()
        return not (fcntl and here and _boot()) and _is_fresh(old / _LOCK, own)
    finally:
        os.close(handle)


def _is_fresh(path: Path, own: Path) -> bool:
    """Whether a file was touched lately, by the clock of the file system that both are on."""
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
    """Return what no other machine, and no other boot of this one, has."""
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
        restore()  # a second one ends the process at once
        raise SystemExit(128 + number)

    def restore() -> None:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)

    # Not where they are ignored (nohup) or handled by the program that uses this.
    taken = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        restore()
