"""Write files completely or not at all, remove folders whatever their permissions, and measure their size.

Standard library only, and the syntax of Python 3.9, since workers use it too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

# Prefix of files that are being written; a killed process leaves them behind.
PARTIAL = ".partial-"
# A file system block: the least that a file is counted as, even an empty one.
_BLOCK_BYTES = 4096


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Provide a new file beside ``path`` that replaces it once it is written and synced to disk.

    A reader finds the old file or the complete new one, also after a kill or a power cut. The file gets the
    permissions that the umask allows, where ``tempfile`` would make it private.

    Parameters
    ----------
    path : Path
        Its folder is made if it does not exist. The new file has the same suffix until then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a.txt")) as partial:
    ...         _ = partial.write_text("whole")
    ...     Path(folder, "a.txt").read_text()
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within one file system only.
    partial = path.with_name(f"{PARTIAL}{secrets.token_hex(4)}-{path.name[-120:]}")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)  # the rename changes the folder; unsynced, a power cut could undo it


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, also where permissions were taken away; links are not followed.

    What still cannot be removed stays, without an error.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir() or folder.is_symlink():
        with contextlib.suppress(OSError):
            folder.unlink()
        return
    folder.chmod(stat.S_IRWXU)
    for here, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(here, name)
            with contextlib.suppress(OSError):
                if not path.is_symlink():
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """Return how much disk a folder takes, at least one block for each file; links are not followed."""
    total, waiting = 0, [os.fspath(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    total += max(_BLOCK_BYTES, 512 * state.st_blocks)  # POSIX counts blocks of 512 bytes
                    if stat.S_ISDIR(state.st_mode):
                        waiting.append(entry.path)
    return total
