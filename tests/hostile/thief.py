"""A system that attacks the machine it runs on; it prints GAINED and what it got where an attack succeeds.

Each attack is a function of the parameters in the system file. `separate` carries one out and then behaves.
"""

from __future__ import annotations

import ctypes
import glob
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from svbench.audio import Audio

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH = 0, 16, 17
CLONE_NEWUSER = 0x1000_0000
SYS_ADD_KEY = {"x86_64": 248, "aarch64": 217}


def read_references(secret: str, **_: object) -> str:
    """Read a file of the data set whose place is known."""
    with open(secret, encoding="utf-8") as file:
        return file.read()


def walk_for_references(root: str, mark: str, **_: object) -> str:
    """Search the disk for the data set."""
    for start in (root, *glob.glob("/proc/[0-9]*/cwd")):
        for folder, _folders, files in os.walk(start):
            for name in files:
                if name.startswith("vocals"):
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                        if mark in file.read(1000):
                            return os.path.join(folder, name)
    return ""


def read_environment(mark: str, **_: object) -> str:
    """Look for the parent's environment in one's own and in that of every process."""
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if mark.encode() in file.read():
                    return path
        except OSError:
            continue
    return ""


def read_command_lines(parent: int, **_: object) -> str:
    """Read the parent's command line, which names the data set."""
    with open(f"/proc/{parent}/cmdline", "rb") as file:
        return file.read().decode(errors="replace").replace("\0", " ")


def read_memory(parent: int, **_: object) -> str:
    """Open the parent's memory, where the references are while a track is scored."""
    with open(f"/proc/{parent}/maps", encoding="utf-8") as maps, open(f"/proc/{parent}/mem", "rb") as memory:
        start = next(line for line in maps if " r" in line).split("-")[0]
        memory.seek(int(start, 16))
        return f"{len(memory.read(16))} bytes"


def read_descriptors(parent: int, **_: object) -> str:
    """List the files that the parent has open."""
    return " ".join(os.readlink(p) for p in glob.glob(f"/proc/{parent}/fd/*"))


def trace_parent(parent: int, **_: object) -> str:
    """Attach a debugger to the parent, and let go of it at once."""
    if LIBC.ptrace(PTRACE_ATTACH, parent, 0, 0):
        return ""
    os.waitpid(parent, 0)
    LIBC.ptrace(PTRACE_DETACH, parent, 0, 0)
    return "attached"


def trace_oneself(**_: object) -> str:
    """Use the debugger's system call at all."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if LIBC.ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 else 1)
    return "traced" if os.waitpid(pid, 0)[1] == 0 else ""


def signal_parent(parent: int, **_: object) -> str:
    """Find out whether the parent could be killed."""
    os.kill(parent, 0)
    return f"may kill {parent}"


def connect_tcp(port: int, **_: object) -> str:
    """Phone home over TCP."""
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        return connection.recv(100).decode()


def route_to_metadata(**_: object) -> str:
    """Find a way to the address where clouds hand out credentials."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("169.254.169.254", 80))
        return str(one.getsockname())


def connect_abstract(abstract: str, **_: object) -> str:
    """Reach a service of the session by an abstract socket, which no file system hides."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(2)
        one.connect("\0" + abstract)
        return one.recv(100).decode()


def connect_unix(unix: str, **_: object) -> str:
    """Reach a service of the machine by its socket's file."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(2)
        one.connect(unix)
        return one.recv(100).decode()


def write_outside(outside: str, **_: object) -> str:
    """Overwrite another system's scores."""
    path = os.path.join(outside, "scores.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("{}")
    return path


def write_programs(**_: object) -> str:
    """Change svbench itself for all who come later."""
    import svbench

    path = os.path.join(os.path.dirname(svbench.__file__), "hostile_probe.txt")
    with open(path, "w", encoding="utf-8"):
        pass
    os.unlink(path)
    return path


def become_root(**_: object) -> str:
    """Act as root."""
    os.setuid(0)
    return "uid 0" if os.getuid() == 0 and os.access("/etc/shadow", os.R_OK) else ""


def make_namespace(**_: object) -> str:
    """Get new powers over the kernel in a namespace of one's own."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if LIBC.unshare(CLONE_NEWUSER) == 0 else 1)
    return "namespace" if os.waitpid(pid, 0)[1] == 0 else ""


def make_device(**_: object) -> str:
    """Make a device, through which the disk could be read."""
    os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.unlink("device")
    return "device"


def make_pipe(**_: object) -> str:
    """Make a pipe with a name, which stops whoever opens it."""
    os.mkfifo("pipe")
    os.unlink("pipe")
    return "pipe"


def use_keys(**_: object) -> str:
    """Leave a message in the kernel's key ring of the user for another run."""
    found = LIBC.syscall(
        SYS_ADD_KEY[os.uname().machine], b"user", b"svbench-hostile", b"x", 1, -4
    )  # the user's key ring
    return f"key {found}" if found > 0 else ""


def open_vsock(**_: object) -> str:
    """Speak to the host of a virtual machine."""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM):
        return "socket"


def bomb_processes(**_: object) -> str:
    """Start more processes than any separator needs."""
    children = []
    try:
        for _number in range(700):
            children.append(subprocess.Popen(["/bin/sleep", "60"], stdin=subprocess.DEVNULL))
    finally:
        for child in children:
            child.kill()
            child.wait()
    return f"{len(children)} processes"


class Thief:
    """Carries out an attack, then returns half of the mixture for every target."""

    def __init__(self, attack: str, **known: object) -> None:
        self.attack, self.known, self.ticks = attack, known, 0
        if attack == "work_between":
            threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        while True:
            time.sleep(0.01)
            self.ticks += 1

    def separate(self, mixture: Audio) -> dict[str, Audio]:
        """Attack, say what came of it, and answer."""
        if self.attack == "work_between":
            print(f"TICKS {self.ticks}", flush=True)
        elif self.attack == "daemon":
            self._leave_daemon()
        elif self.attack == "forge_time":
            self._forge_time(mixture)
        elif self.attack == "redirect_exchange":
            self._redirect_exchange()
        else:
            try:
                gained = globals()[self.attack](**self.known)
            except (OSError, StopIteration) as error:
                print(f"refused: {error}", flush=True)
            else:
                print(f"GAINED {gained}" if gained else "nothing", flush=True)
        half = Audio(mixture.samples / 2, mixture.rate_hz)
        return {"vocals": half}

    def _leave_daemon(self) -> None:
        """Start a process that leaves its session and its parent behind."""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                name = str(self.known["mark"]) + "-daemon"
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", name])
            os._exit(0)
        time.sleep(0.2)

    def _forge_time(self, mixture: Audio) -> None:
        """Work for half a second, and answer in the worker's place that it took a millionth."""
        import json

        import numpy as np

        time.sleep(0.5)
        (folder,) = glob.glob("exchange-*")
        np.save(os.path.join(folder, "0.npy"), mixture.samples / 2)
        reply = {
            "estimates": [{"target": "vocals", "rate_hz": mixture.rate_hz}],
            "wall_s": 1e-6, "cpu_s": 1e-6, "peak_rss_bytes": 1,
        }  # fmt: skip
        os.write(int(sys.argv[2]), json.dumps(reply).encode() + b"\n")
        signal.pause()

    def _redirect_exchange(self) -> None:
        """Put a link in the place where the next request's folder will be."""
        os.symlink(str(self.known["outside"]), "exchange-2")


def make(**parameters: object) -> Thief:
    """The factory that system files name."""
    return Thief(**parameters)  # type: ignore[arg-type]
