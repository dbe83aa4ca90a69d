"""Runs a project's tests, warm and isolated, under the project's own interpreter.

One file, standard library only, Python 3.8 and newer: it is started with the interpreter of the
project, where nothing of Trueup is installed, and it is never imported by the server.

    launch     isolates itself before any code of the environment runs (no `site`, no .pth files),
               then starts over as
    serve      pytest and the third-party modules that the suite imports are loaded once, after a
               trial in a throw-away fork; modules of the project are never loaded here
    a run      a fork of it, in namespaces of its own: an overlay with the changed files is mounted
               over the workspace path itself, then capabilities, limits and system calls are
               taken away, then pytest runs and reports each test through a pipe as it ends

It reads requests and writes events, one JSON object per line. What comes through a run's pipe was
written by a process that runs the user's tests: it is passed on, never believed. Each line bears a
seal that only the reporter was told, so that whoever finds the pipe cannot write into it; code that
digs the seal out of the reporter is for the gate to refuse before it runs. A hostile test can forge
its own result; it cannot reach the user's files, keys, network or processes.

Where namespaces are refused, a run works on a copy of the workspace, behind a Landlock fence where
the kernel has one, and where there is nothing of the kind each run is a fresh interpreter. What was
in force is said, never assumed. Nothing here decides what a result means.
"""

# ruff: noqa: PLC0415, ANN401
# PLC0415: what this process has imported, a run finds imported; so it imports late and little.
# ANN401: pytest's objects differ between the versions that a project may have.

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import gc
import glob
import importlib
import importlib.util
import json
import os
import platform
import re
import select
import shutil
import signal
import struct
import sys
import time

try:
    import resource as limits_of_the_system
except ImportError:  # only where there are no such limits
    resource: Any = None
else:
    resource = limits_of_the_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import (
        Any,
        Callable,
        Dict,
        Generator,
        Iterable,
        List,
        NoReturn,
        Optional,
        Sequence,
        Set,
        Tuple,
    )

DETAIL_CHARS = 1500
LEARN_SECONDS = 30.0
TRIAL_SECONDS = 20.0
TRIALS_MAX = 12
SWEEP_SECONDS = 2.0
WATCH_SECONDS = 0.1
LINE_BYTES_MAX = 1 << 22
SCRATCH_BYTES = 256 << 20
FILE_BYTES_MAX = 256 << 20
OPEN_FILES_MAX = 4096
PID_MAX_LOWEST = 301
RESULT_FD = 3
INSIDE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "inside")
INSIDE_NAMES = "trueup_inside_"
SETUP_FAILED = 70
EXIT_LINE = b'["exit", %d]\n'
# What a run says that did not get as far as to know its seal; it proves nothing but that.
FAILED = b'["failed", '
ENDING_SECONDS = 0.02
SCRATCH = "/tmp/.trueup"  # noqa: S108 - /tmp is a fresh tmpfs of the run by then
LEARNED = SCRATCH + "/learned"
BYTECODE = LEARNED + "/bytecode"

# ---------------------------------------------------------------------------------------------
# The kernel, through ctypes: Python 3.8 has no door to any of these.
# ---------------------------------------------------------------------------------------------

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
AGENT_NAMESPACES = (
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
)
RUN_NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522

LINUX = platform.system() == "Linux"
# Elsewhere nothing below that calls it is reached, but the file has to load.
libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else ctypes.CDLL("kernel32")


def check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    check(
        libc.mount(
            os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(options)
        ),
        "mount %s on %s" % (kind, target),
    )


def write_file(path: str, text: str) -> None:
    """`text` into a file of /proc; unlike a buffered write, it raises what the kernel answers."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def new_namespaces(flags: int) -> None:
    """Enter namespaces in which this user keeps the same number and has every capability."""
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(flags), "user namespaces")
    write_file("/proc/self/setgroups", "deny")
    write_file("/proc/self/uid_map", "%d %d 1" % (user, user))
    write_file("/proc/self/gid_map", "%d %d 1" % (group, group))


def die_with_parent(with_signal: int = 9) -> None:
    if LINUX:
        libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)


def adopt_orphans() -> None:
    if LINUX:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def drop_capabilities() -> None:
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("<Ii", CAPABILITY_VERSION_3, 0)
    none = bytes(24)
    check(libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(none)), "capset")
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def loopback_up() -> None:
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        set_interface_flags, up_and_running = 0x8914, 1 | 64
        fcntl.ioctl(probe, set_interface_flags, struct.pack("16sH14x", b"lo", up_and_running))


def survives(attempt: Callable[[], None]) -> str:
    """Try it in a throw-away fork: what was said against it, or nothing where it works."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            attempt()
            os._exit(0)
        except OSError as problem:
            what = str(problem.strerror).partition(":")[0]
            os.write(writer, ("%s refused: %s" % (what, errno_name(problem))).encode()[:500])
        finally:
            os._exit(1)
    os.close(writer)
    said = os.read(reader, 500).decode(errors="replace")
    os.close(reader)
    code = exit_code(os.waitpid(pid, 0)[1])
    return "" if code == 0 and not said else said or "the trial ended with code %d" % code


def exit_code(status: int) -> int:
    """The exit code of a wait status, 128 + n for signal n, as shells say it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


# ---------------------------------------------------------------------------------------------
# System calls that no test needs. x86-64 only; elsewhere no filter is installed and it is said.
# ---------------------------------------------------------------------------------------------

# ptrace process_vm_readv process_vm_writev keyctl add_key request_key bpf userfaultfd
# io_uring_{setup,enter,register} kexec_load kexec_file_load open_by_handle_at init_module
# finit_module delete_module perf_event_open
DENIED = (101, 310, 311, 250, 248, 249, 321, 323, 425, 426, 427, 246, 320, 304, 175, 313, 176, 298)
# mount umount2 pivot_root unshare setns chroot open_tree move_mount fsopen fsconfig fsmount
# mount_setattr
DENIED_MOUNTS = (165, 166, 155, 272, 308, 161, 428, 429, 430, 431, 432, 442)
SYS_CLONE, SYS_CLONE3 = 56, 435
NAMESPACE_FLAGS = AGENT_NAMESPACES | 0x02000000
AUDIT_ARCH_X86_64, X32_BIT = 0xC000003E, 0x40000000
BPF_LOAD, BPF_JUMP_EQ, BPF_JUMP_GE, BPF_JUMP_SET, BPF_RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
SECCOMP_ALLOW, SECCOMP_KILL, SECCOMP_ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AT_NUMBER, AT_ARCH, AT_FIRST_ARGUMENT = 0, 4, 16
SYS_SOCKET, SOCK_TYPE_MASK, SOCK_STREAM, IPPROTO_TCP = 41, 0xF, 1, 6
AF_UNIX, AF_INET, AF_NETLINK, AF_INET6 = 1, 2, 16, 10
BPF_AND = 0x54


def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def only_plain_sockets() -> List[bytes]:
    """Where there is no network of its own: TCP, which Landlock refuses, and nothing around it."""
    refuse = step(BPF_RETURN, SECCOMP_ERRNO | errno.EPERM)
    allow = step(BPF_RETURN, SECCOMP_ALLOW)
    return [
        step(BPF_JUMP_EQ, SYS_SOCKET, 0, 14),
        step(BPF_LOAD, AT_FIRST_ARGUMENT),
        step(BPF_JUMP_EQ, AF_UNIX, 3, 0),
        step(BPF_JUMP_EQ, AF_NETLINK, 2, 0),
        step(BPF_JUMP_EQ, AF_INET, 2, 0),
        step(BPF_JUMP_EQ, AF_INET6, 1, 7),
        allow,
        step(BPF_LOAD, AT_FIRST_ARGUMENT + 8),
        step(BPF_AND, SOCK_TYPE_MASK),
        step(BPF_JUMP_EQ, SOCK_STREAM, 0, 3),
        step(BPF_LOAD, AT_FIRST_ARGUMENT + 16),
        step(BPF_JUMP_EQ, 0, 2, 0),
        step(BPF_JUMP_EQ, IPPROTO_TCP, 1, 0),
        refuse,
        allow,
    ]


def seccomp_works() -> bool:
    """Whether a filter can be installed here, found out in a process that is thrown away."""
    known = platform.machine() == "x86_64" and struct.calcsize("P") == 8
    return LINUX and known and not survives(install_seccomp)


def seccomp_program(*, network: bool = True) -> bytes:
    refuse = step(BPF_RETURN, SECCOMP_ERRNO | errno.EPERM)
    program = [
        step(BPF_LOAD, AT_ARCH),
        step(BPF_JUMP_EQ, AUDIT_ARCH_X86_64, 1, 0),
        step(BPF_RETURN, SECCOMP_KILL),
        step(BPF_LOAD, AT_NUMBER),
        step(BPF_JUMP_GE, X32_BIT, 0, 1),
        step(BPF_RETURN, SECCOMP_KILL),
        *([] if network else only_plain_sockets()),
    ]
    for number in DENIED + DENIED_MOUNTS:
        program += [step(BPF_JUMP_EQ, number, 0, 1), refuse]
    program += [
        # clone3 keeps its flags in memory that a filter cannot read; libc falls back to clone.
        step(BPF_JUMP_EQ, SYS_CLONE3, 0, 1),
        step(BPF_RETURN, SECCOMP_ERRNO | errno.ENOSYS),
        step(BPF_JUMP_EQ, SYS_CLONE, 0, 3),
        step(BPF_LOAD, AT_FIRST_ARGUMENT),
        step(BPF_JUMP_SET, NAMESPACE_FLAGS, 0, 1),
        refuse,
        step(BPF_RETURN, SECCOMP_ALLOW),
    ]
    return b"".join(program)


def install_seccomp(*, network: bool = True) -> None:
    program = seccomp_program(network=network)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)), 16
    )
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0), "seccomp")


# ---------------------------------------------------------------------------------------------
# Landlock, where there are no namespaces: what may be read and written, and no TCP.
# ---------------------------------------------------------------------------------------------

SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_VERSION, LANDLOCK_PATH_BENEATH = 1, 1
# Rights to files that versions 1, 2 and 3 know, as how many bits.
LANDLOCK_FILE_RIGHTS = (13, 14, 15)
RIGHT_EXECUTE, RIGHT_WRITE, RIGHT_READ, RIGHT_LIST, RIGHT_TRUNCATE = 1, 2, 4, 8, 1 << 14
RIGHTS_TO_A_FILE = RIGHT_EXECUTE | RIGHT_WRITE | RIGHT_READ | RIGHT_TRUNCATE
CONNECT_TCP, TCP_VERSION = 2, 4
SCOPE_SOCKETS_AND_SIGNALS, SCOPE_VERSION = 3, 6
SHARED_WRITABLE = ("/dev/shm", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts")  # noqa: S108, E501  # fmt: skip


def landlock_version() -> int:
    if not LINUX:
        return 0
    return max(
        0, int(libc.syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), LANDLOCK_VERSION))
    )


def around(folder: str, excluded: Sequence[str]) -> List[str]:
    """The largest parts of `folder` that hold nothing that is excluded."""
    if any(under(folder, path) for path in excluded):
        return []
    if not any(under(path, folder) for path in excluded):
        return [folder]
    found: List[str] = []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    for name in names:
        path = os.path.join(folder, name)
        # What a link leads to has a place of its own.
        if not os.path.islink(path):
            found += around(path, excluded)
    return found


def fence(readable: Iterable[str], writable: Iterable[str], listable: Iterable[str] = ()) -> None:
    """From here on this process and its children reach those paths and no others, nor any TCP."""
    version = landlock_version()
    if not version:
        raise OSError(errno.ENOSYS, "Landlock")
    rights = (1 << LANDLOCK_FILE_RIGHTS[min(version, 3) - 1]) - 1
    network = CONNECT_TCP if version >= TCP_VERSION else 0
    scope = SCOPE_SOCKETS_AND_SIGNALS if version >= SCOPE_VERSION else 0
    attributes = struct.pack("<QQQ", rights, network, scope)
    size = 24 if scope else 16 if network else 8
    ruleset = int(
        libc.syscall(SYS_LANDLOCK_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0)
    )
    check(int(ruleset < 0), "Landlock")
    reading = RIGHT_EXECUTE | RIGHT_READ | RIGHT_LIST
    for paths, wanted in ((readable, reading), (writable, rights), (listable, RIGHT_LIST)):
        for path in paths:
            try:
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = wanted if os.path.isdir(path) else wanted & RIGHTS_TO_A_FILE
            rule = struct.pack("<Qi", allowed & rights, opened)
            check(
                libc.syscall(
                    SYS_LANDLOCK_ADD, ruleset, LANDLOCK_PATH_BENEATH, ctypes.c_char_p(rule), 0
                ),
                "Landlock",
            )
            os.close(opened)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    check(libc.syscall(SYS_LANDLOCK_RESTRICT, ruleset, 0), "Landlock")
    os.close(ruleset)


def fence_agent(config: Dict[str, Any]) -> None:
    """The agent itself, which loads other people's packages, writes to its own folder only."""
    keep = [folder for path in config["keep"] for folder in around(path, [])]
    everything = around("/", [*config["hidden"], *SECRET_FILES])
    # Names alone: the fence of a run is computed behind this one.
    fence([*everything, *keep], [config["scratch"], *SHARED_WRITABLE], ["/"])


def fence_run(config: Dict[str, Any], folder: str, libraries: Sequence[str]) -> None:
    """The workspace as it is on disk is out of reach, so that old code fails instead of running."""
    workspace = config["workspace"]
    keep = [part for path in config["keep"] for part in around(path, [workspace])]
    everything = around("/", [*config["hidden"], *SECRET_FILES, workspace])
    # Our own scripts too, where Trueup is what is being worked on.
    fence([*everything, *keep, *libraries, INSIDE], [folder, *SHARED_WRITABLE])


def why_no_fence(config: Dict[str, Any]) -> str:
    """Try it in a throw-away process: "" where the workspace cannot be read behind it."""

    def attempt() -> None:
        fence_agent(config)
        fence_run(config, config["scratch"], [])
        os.listdir(os.path.dirname(os.path.realpath(os.__file__)))
        try:
            os.listdir(config["workspace"])
        except PermissionError:
            return
        raise OSError(errno.EACCES, "Landlock does not hold and is")

    return survives(attempt)


# ---------------------------------------------------------------------------------------------
# Which folders are the project, which are libraries, and which must stay visible.
# ---------------------------------------------------------------------------------------------

HIDDEN = ("/tmp", "/run", "/var/tmp", "/mnt", "/media", "/root", "/home")  # noqa: S108
SECRET_FILES = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")


def under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def virtual_environment() -> str:
    """The folder of the virtual environment of this interpreter, or "" outside of one."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    return folder if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) else ""


def holds_python(folder: str) -> bool:
    """Whether a folder named by a .pth file is one of modules; a folder of keys is not."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    if any(name.endswith((".py", ".so")) for name in names):
        return True
    return any(os.path.isfile(os.path.join(folder, name, "__init__.py")) for name in names)


def named_by_path_files(site_folder: str) -> List[str]:
    """Folders of editable installs, read from .pth files and import hooks without running them."""
    found = []
    for pattern in ("*.pth", "__editable__*.py", "_editable_impl_*.py"):
        for file in glob.glob(os.path.join(glob.escape(site_folder), pattern)):
            try:
                with open(file, encoding="utf-8", errors="replace") as stream:
                    text = stream.read(1 << 16)
            except OSError:
                continue
            found += QUOTED_PATH.findall(text)
            found += [line.strip() for line in text.splitlines() if line.startswith("/")]
    return [path for path in found if os.path.isdir(path) and holds_python(path)]


def visible_folders(workspace: str, hidden: Sequence[str]) -> List[str]:
    """What is bound back where its parent is hidden: workspace, interpreter, editable installs."""
    home_of_interpreter = os.path.dirname(os.path.realpath(sys.executable))
    wanted = [
        sys.base_prefix,
        sys.base_exec_prefix,
        os.path.dirname(home_of_interpreter) if home_of_interpreter.endswith("/bin") else "",
    ]
    environment = virtual_environment()
    sites = glob.glob(os.path.join(glob.escape(environment), "lib*", "python3*", "site-packages"))
    if environment:
        wanted.append(environment)
    else:
        import site

        sites = [site.getusersitepackages()]
        wanted += sites
    for folder in sites:
        wanted += named_by_path_files(folder)
    real = {os.path.realpath(path) for path in wanted if path}
    # A folder that contains a hidden one (a home, say) is never brought back as a whole.
    real = {
        path
        for path in real
        if os.path.isdir(path)
        and not under(path, workspace)
        and not any(under(folder, path) for folder in hidden)
    }
    outermost = [p for p in real if not any(p != other and under(p, other) for other in real)]
    visible = [*sorted(outermost), workspace]
    # Trueup may be installed in the project's environment, or be the project.
    own = (os.path.realpath(__file__), INSIDE)
    return [*visible, *(path for path in own if not any(under(path, top) for top in visible))]


def hidden_folders(workspace: str, home: str) -> List[str]:
    """Folders that tests must not see, but for a home folder that is the workspace itself."""
    wanted = [*HIDDEN, home] if home and home != "/" else list(HIDDEN)
    real = [os.path.realpath(folder) for folder in wanted if os.path.isdir(folder)]
    outermost = [p for p in real if not any(p != other and under(p, other) for other in real)]
    return [folder for folder in dict.fromkeys(outermost) if not under(folder, workspace)]


def unfit_for_overlay(workspace: str) -> str:
    """Why nothing can be mounted over this workspace, or ""."""
    needed = ("/tmp", "/usr", "/proc", "/dev", "/run", "/etc")  # noqa: S108
    if any(under(os.path.realpath(folder), workspace) for folder in needed):
        return "the workspace contains a folder of the system"
    return ""


def hide(folder: str, keep: Iterable[str] = (), size: str = "64m", mode: str = "755") -> None:
    """An empty tmpfs over `folder`, with the paths of `keep` that lie inside bound back."""
    held = [(path, os.open(path, os.O_PATH)) for path in keep if under(path, folder)]
    mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=%s,mode=%s" % (size, mode))
    for path, descriptor in held:
        source = "/proc/self/fd/%d" % descriptor
        if os.path.isdir(source):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "a", encoding="utf-8"):
                pass
        mount(source, path, "none", MS_BIND | MS_REC)
        os.close(descriptor)


def read_only_everywhere() -> None:
    attributes = struct.pack("<QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    check(
        libc.syscall(
            SYS_MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.c_char_p(attributes), 32
        ),
        "mount_setattr",
    )


def own_devices() -> None:
    """A /dev with the harmless devices only: root may open a disk even on a read-only mount."""
    held = [
        (name, os.open("/dev/" + name, os.O_PATH))
        for name in DEVICES
        if os.path.exists("/dev/" + name)
    ]
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=755")
    for name, descriptor in held:
        with open("/dev/" + name, "w", encoding="utf-8"):
            pass
        mount("/proc/self/fd/%d" % descriptor, "/dev/" + name, "none", MS_BIND)
        os.close(descriptor)
    os.mkdir("/dev/shm")  # noqa: S108 - it is our own tmpfs
    os.mkdir("/dev/pts")
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.symlink("/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink("/proc/self/fd/%d" % number, "/dev/" + name)


def fresh_proc(processes_max: int = 0) -> None:
    """A procfs of this process namespace, on which root cannot write to the kernel either.

    Real root in a user namespace owns the files below /proc/sys, and the owner needs no capability.
    """
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if processes_max:
        # Per process namespace since Linux 6.14; before, RLIMIT_NPROC is what bounds a run.
        with contextlib.suppress(OSError):
            write_file("/proc/sys/kernel/pid_max", str(max(processes_max, PID_MAX_LOWEST)))
    for name in ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"):
        path = "/proc/" + name
        if os.path.exists(path):
            mount(path, path, "none", MS_BIND | MS_REC)
            mount(
                "none",
                path,
                "none",
                MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
            )


def isolate_agent(keep: Sequence[str], hidden: Sequence[str]) -> None:
    """Hide and freeze the machine; called once, by the first process of new namespaces."""
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    read_only_everywhere()
    # Replaced below: until then, `hide` needs a procfs that knows this process.
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    own_devices()
    for folder in hidden:
        hide(folder, keep, mode="1777" if folder in ("/tmp", "/var/tmp") else "755")  # noqa: S108
    for file in SECRET_FILES:
        if os.path.isfile(file):
            mount("/dev/null", file, "none", MS_BIND)
    loopback_up()
    libc.umount2(b"/proc", MNT_DETACH)
    # The kernel allows a procfs in a nested namespace only while an uncovered one is mounted;
    # this one is, and cannot be reached.
    os.makedirs("/run/proc/spare")
    mount("proc", "/run/proc/spare", "proc", MS_NOSUID | MS_NODEV)
    mount("tmpfs", "/run/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k,mode=000")
    fresh_proc()
    for name in ("home", "learned/up", "learned/work", "learned/bytecode"):
        os.makedirs(os.path.join(SCRATCH, name), exist_ok=True)


# ---------------------------------------------------------------------------------------------
# Launch: before any code of the environment has run.
# ---------------------------------------------------------------------------------------------


def say(message: Dict[str, Any]) -> None:
    """One event for the server."""
    out = (json.dumps(message) + "\n").encode()
    while out:
        out = out[os.write(1, out) :]


def refuse(reason: str) -> NoReturn:
    say({"event": "unavailable", "reason": reason})
    os._exit(0)


def errno_name(problem: OSError) -> str:
    return errno.errorcode.get(problem.errno or 0, "error %s" % problem.errno)


def why_no_namespaces(config: Dict[str, Any]) -> str:
    """Try all of it in a throw-away process: "" where it works, else a few words."""
    unfit = unfit_for_overlay(config["workspace"])
    if unfit:
        return unfit

    def attempt() -> None:
        new_namespaces(AGENT_NAMESPACES)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            die_with_parent()
            said = survives(lambda: _try_a_run(config))
            os.write(writer, said.encode())
            os._exit(0)
        os.close(writer)
        said = os.read(reader, 500).decode(errors="replace")
        os.waitpid(pid, 0)
        if said:
            what, _, name = said.partition(" refused: ")
            raise OSError(getattr(errno, name, 0), what)

    return survives(attempt)


def _try_a_run(config: Dict[str, Any]) -> None:
    isolate_agent(config["keep"], config["hidden"])
    new_namespaces(RUN_NAMESPACES)

    def attempt() -> None:
        prepare_scratch(config)
        prepare_overlay(config, {"changed": {}, "deleted": [], "stale": [], "learn": False})

    said = survives(attempt)
    if said:
        what, _, name = said.partition(" refused: ")
        raise OSError(getattr(errno, name, 0), what)


def choose(config: Dict[str, Any]) -> None:
    """The strongest isolation that works here and that was not asked to be left out."""
    asked = config["mode"]
    # A cold agent gets what a warm one has got already, or nothing at all.
    known = config["cold"] and asked in FORCED
    config["refused"] = "%s was asked for" % ASKED.get(asked, "it")
    if not LINUX:
        config["refused"] = "this system has no namespaces"
    elif asked in ("auto", "namespaces"):
        config["refused"] = "" if known else why_no_namespaces(config)
        if config["refused"] and asked == "namespaces":
            refuse("namespaces are needed, but %s" % config["refused"])
        if not config["refused"]:
            config["mode"] = "namespaces"
            return
    if not LINUX or asked == "spawn":
        config["mode"], config["no_fence"] = "spawn", "each run is a fresh interpreter"
        return
    config["no_fence"] = "" if known and asked == "landlock" else why_no_fence(config)
    if asked == "bare":
        config["no_fence"] = "no fence was asked for"
    if asked == "landlock" and config["no_fence"]:
        refuse("Landlock is needed, but %s" % config["no_fence"])
    config["mode"] = "bare" if config["no_fence"] else "landlock"


FORCED = ("namespaces", "landlock", "bare", "spawn")
ASKED = {"copy": "a copy", "landlock": "a copy", "bare": "a copy", "spawn": "a fresh interpreter"}


def launch(config: Dict[str, Any]) -> None:
    """Isolate this process, then start over in `serve` with the environment's own packages."""
    die_with_parent()
    if os.getppid() != config["parent"]:
        os._exit(1)
    if sys.version_info < (3, 8):
        refuse("Python %d.%d is too old to run the tests: 3.8 is needed" % sys.version_info[:2])
    workspace = config["workspace"] = os.path.realpath(config["workspace"])
    config["hidden"] = hidden_folders(workspace, os.path.realpath(config["home"]))
    config["keep"] = visible_folders(workspace, config["hidden"])
    config["learning"] = False
    choose(config)
    if config["minimum"] == "landlock" and config["mode"] not in ("namespaces", "landlock"):
        refuse("Landlock is needed at least, but %s" % config["no_fence"])
    config["filter"] = config["mode"] != "spawn" and seccomp_works()
    if config["mode"] == "namespaces":
        new_namespaces(AGENT_NAMESPACES)
        pid = os.fork()
        if pid:
            _wait_for(pid)
        die_with_parent()
        isolate_agent(config["keep"], config["hidden"])
        os.environ.update(HOME=SCRATCH + "/home", TMPDIR="/tmp")  # noqa: S108
    else:
        home = os.path.join(config["scratch"], "home")
        os.makedirs(home, exist_ok=True)
        os.environ.update(HOME=home, TMPDIR=config["scratch"])
        if config["mode"] == "landlock":
            fence_agent(config)
    os.environ.update(
        XDG_CACHE_HOME=os.path.join(os.environ["HOME"], ".cache"), PYTHONDONTWRITEBYTECODE="1"
    )
    config["stage"] = "serve"
    start_over(config)


def start_over(config: Dict[str, Any]) -> NoReturn:
    os.execv(  # noqa: S606 - this same file, by this same interpreter
        sys.executable, [sys.executable, os.path.realpath(__file__), json.dumps(config)]
    )


def _wait_for(pid: int) -> NoReturn:
    """Stay outside as the parent of the agent; its end is ours."""

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        os.kill(pid, signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    os.close(0)
    os.close(1)
    os._exit(exit_code(os.waitpid(pid, 0)[1]))


# ---------------------------------------------------------------------------------------------
# One run: from the fork to the first test.
# ---------------------------------------------------------------------------------------------


def place(root: str, workspace: str, relative: str) -> str:
    """Where a path of the workspace lies below `root`, links resolved; it may not lead out."""
    real = os.path.realpath(os.path.join(workspace, relative))
    if not under(real, workspace) or real == workspace:
        raise ValueError("%s leads out of the workspace" % relative)
    return os.path.join(root, os.path.relpath(real, workspace))


def write_changed(root: str, workspace: str, changed: Dict[str, str]) -> None:
    """The changed files below `root`, with the permissions that they have in the workspace."""
    for relative, content in changed.items():
        path = place(root, workspace, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # A new file, not the old one rewritten: it may be a hard link to somewhere else.
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(base64.b64decode(content))
        original = os.path.join(workspace, os.path.relpath(path, root))
        if os.path.exists(original):
            os.chmod(path, os.stat(original).st_mode & 0o777)


def remove_stale(workspace: str, request: Dict[str, Any]) -> None:
    """Deleted files, and the bytecode of what changed.

    A .pyc counts as fresh when size and second are the same, and the old code would run.
    """
    for relative in (*request["changed"], *request["deleted"]):
        path = place(workspace, workspace, relative)
        folder, name = os.path.split(path)
        stem, suffix = os.path.splitext(name)
        if suffix == ".py":
            pattern = os.path.join(glob.escape(folder), "__pycache__", glob.escape(stem) + ".*.pyc")
            for compiled in glob.glob(pattern):
                os.unlink(compiled)
    for relative in request["deleted"]:
        path = place(workspace, workspace, relative)
        if os.path.lexists(path):
            os.unlink(path)
    for relative in request["stale"]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(workspace, relative))


def prepare_scratch(config: Dict[str, Any]) -> None:
    """Folders of its own for a run, in memory: all that does not depend on what is asked of it."""
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    # Only a dry run writes there. For the others it is a layer that has no place of its own: a
    # test must not be able to write what later runs would load.
    keep = [*config["keep"], *([LEARNED] if config["learning"] else [])]
    config["bytecode"] = os.open(BYTECODE, os.O_PATH)
    hide("/tmp", keep, size=str(SCRATCH_BYTES), mode="1777")  # noqa: S108
    hide("/dev/shm", size=str(SCRATCH_BYTES), mode="1777")  # noqa: S108
    for name in ("home", "up", "work"):
        os.makedirs(os.path.join(SCRATCH, name))


def prepare_overlay(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """The workspace with the change in it, at its own path; what is written goes to memory."""
    workspace, bytecode = config["workspace"], "/proc/self/fd/%d" % config["bytecode"]
    upper = LEARNED if request["learn"] else SCRATCH
    write_changed(upper + "/up", workspace, request["changed"])
    same_permissions(upper + "/up", workspace)
    layers = ":".join(
        folder.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
        for folder in (*([] if request["learn"] else [bytecode]), workspace)
    )
    options = "lowerdir=%s,upperdir=%s/up,workdir=%s/work,userxattr" % (layers, upper, upper)
    mount("overlay", workspace, "overlay", 0, options)
    os.close(config["bytecode"])
    if request["learn"]:
        # The overlay has it now.
        check(libc.umount2(os.fsencode(LEARNED), MNT_DETACH), "umount")
    remove_stale(workspace, request)


def same_permissions(layer: str, workspace: str) -> None:
    """A folder in an upper layer decides the permissions of the merged one."""
    for folder, names, _ in os.walk(layer):
        for name in names:
            copied = os.path.join(folder, name)
            original = os.path.join(workspace, os.path.relpath(copied, layer))
            if os.path.isdir(original):
                os.chmod(copied, os.stat(original).st_mode & 0o777)


def enter_namespaces(config: Dict[str, Any]) -> Dict[str, Any]:
    """Returns the request, in the process that is to run it; the two above it only wait.

    All that can be done before anything is asked is done before, so that a run which was made
    ready in advance answers sooner.
    """
    new_namespaces(RUN_NAMESPACES)
    pid = os.fork()
    if pid:
        for descriptor in range(RESULT_FD + 1):
            os.close(descriptor)
        os._exit(exit_code(os.waitpid(pid, 0)[1]))
    die_with_parent()
    prepare_scratch(config)
    loopback_up()
    fresh_proc(config["processes_max"])
    pid = os.fork()
    if pid:
        _guard(pid)
    request = await_request()
    prepare_overlay(config, request)
    drop_capabilities()
    return request


def _guard(tests: int) -> NoReturn:
    """The first process of a run's namespace: nothing of the run lives on when it has spoken.

    It ignores signals that it has no handler for, so the tests run in the second.
    """
    for descriptor in range(RESULT_FD):
        os.close(descriptor)
    ended = 0
    while ended != tests:
        ended, status = os.wait()
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    code = exit_code(status)
    # Taking the namespaces down costs milliseconds that the result need not wait for.
    with contextlib.suppress(BrokenPipeError):
        os.write(RESULT_FD, EXIT_LINE % code)
    os.close(RESULT_FD)
    os._exit(code)


def await_request() -> Dict[str, Any]:
    """What this process was made for, from its standard input; it ends if nothing comes."""
    said = b""
    while not said.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:
            os._exit(0)
        said += piece
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return dict(json.loads(said))


COPY_SKIPS = frozenset((".git", ".hg", "node_modules", "__pycache__"))


def copy_workspace(workspace: str, target: str) -> List[str]:
    """The workspace without what is derived; a virtual environment becomes a link to itself.

    Returns those environments.
    """

    def skipped(folder: str, names: List[str]) -> Set[str]:
        environments = {
            name for name in names if os.path.isfile(os.path.join(folder, name, "pyvenv.cfg"))
        }
        special = {
            name
            for name in names
            if not os.path.islink(os.path.join(folder, name))
            and not os.path.isdir(os.path.join(folder, name))
            and not os.path.isfile(os.path.join(folder, name))
        }
        linked.extend(os.path.join(folder, name) for name in environments)
        return {*COPY_SKIPS.intersection(names), *environments, *special}

    linked: List[str] = []
    shutil.copytree(workspace, target, symlinks=True, ignore=skipped)
    for path in linked:
        os.symlink(path, os.path.join(target, os.path.relpath(path, workspace)))
    return linked


def parents() -> Dict[int, int]:
    """The parent of every process that can be seen."""
    found: Dict[int, int] = {}
    if not os.path.isdir("/proc/self"):
        import subprocess

        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="],
            stdout=subprocess.PIPE,
            check=False,
        ).stdout
        for line in listed.decode(errors="replace").splitlines():
            pid, _, parent = line.strip().partition(" ")
            found[int(pid)] = int(parent)
        return found
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                    found[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    return found


def descendants(of: int) -> List[int]:
    """Every process below `of`, from one look."""
    children: Dict[int, List[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, left = [], [of]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def sweep() -> None:
    """Kill and reap everything below this process; what forks meanwhile is found the next time."""
    deadline = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < deadline:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def watch(tests: int, processes_max: int) -> NoReturn:
    """Wait for the process of the tests, and end all that it leaves or that becomes too many."""
    parent = os.getppid()

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        sweep()
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        with contextlib.suppress(ChildProcessError):
            ended, status = os.waitpid(-1, os.WNOHANG)
            while ended:
                if ended == tests:
                    sweep()
                    os._exit(exit_code(status))
                ended, status = os.waitpid(-1, os.WNOHANG)
        if os.getppid() != parent or len(descendants(os.getpid())) > processes_max:
            stop(0, None)
        if select.select([reader], [], [], WATCH_SECONDS)[0]:
            os.read(reader, 4096)


def enter_copy(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """Returns in the process that is to run the tests; the one above it ends all that it leaves."""
    if hasattr(os, "fork"):
        adopt_orphans()
        die_with_parent(signal.SIGTERM)
        pid = os.fork()
        if pid:
            watch(pid, config["processes_max"])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent()
    workspace, folder = config["workspace"], request["folder"]
    # The children of the tests find it through PYTHONPATH, which cannot say a colon.
    copy = os.path.join(folder, os.path.basename(workspace).replace(os.pathsep, "_"))
    for name in ("home", "tmp"):
        os.makedirs(os.path.join(folder, name))
    environments = copy_workspace(workspace, copy)
    write_changed(copy, workspace, request["changed"])
    for relative in request["deleted"]:
        path = place(copy, workspace, relative)
        if os.path.lexists(path):
            os.unlink(path)
    os.environ.update(HOME=os.path.join(folder, "home"), TMPDIR=os.path.join(folder, "tmp"))
    config["root"] = copy
    if config["mode"] == "landlock":
        fence_run(config, folder, [*config["libraries"], *environments])
        drop_capabilities()


def remap_imports(config: Dict[str, Any]) -> None:
    """Let `sys.path`, editable installs and children of this process find the copy.

    What escapes this is found after the run, by `old_code`.
    """
    workspace, copy = config["workspace"], config["root"]

    def moved(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        real = os.path.realpath(value)
        if is_project(config, real):
            return (
                os.path.join(copy, os.path.relpath(real, workspace)) if real != workspace else copy
            )
        return value

    sys.path[:] = [moved(path) for path in sys.path]
    mine = [path for path in sys.path if under(path, copy)]
    os.environ["PYTHONPATH"] = os.pathsep.join(mine)
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):
            mapping.update({key: moved(value) for key, value in mapping.items()})
            spaces = getattr(module, "NAMESPACES", None)
            if isinstance(spaces, dict):
                spaces.update({key: [moved(path) for path in spaces[key]] for key in spaces})
    redirector = sys.modules.get("editables.redirector")
    finder = getattr(redirector, "RedirectingFinder", None)
    for owner in (finder, *sys.meta_path):
        table = getattr(owner, "_redirections", None)
        if isinstance(table, dict):
            table.update({key: moved(value) for key, value in table.items()})


def limit_resources(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """What one process of a run may use, where the system can bound it."""
    if resource is None:
        return
    limits = [
        ("AS", config["memory_bytes"]),
        ("FSIZE", FILE_BYTES_MAX),
        ("NOFILE", OPEN_FILES_MAX),
        ("CORE", 0),
        # Whatever escapes the clock: no process computes longer than all cores could in that time.
        ("CPU", int(request["timeout"] * (os.cpu_count() or 1)) + 1),
    ]
    if config["mode"] == "namespaces":
        limits.append(("NPROC", config["processes_max"]))
    elif LINUX:
        # This counts everything that the user runs, so it is an allowance on top of that.
        limits.append(("NPROC", config["processes_max"] + tasks_of(os.getuid())))
    for name, value in limits:
        kind = getattr(resource, "RLIMIT_" + name, None)
        # A system may know a limit and refuse to set it: macOS does, of the address space.
        with contextlib.suppress(ValueError, OSError):
            if kind is not None:
                hard = resource.getrlimit(kind)[1]
                wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (wanted, wanted))


def tasks_of(user: int) -> int:
    """How many threads a user has running."""
    found = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat("/proc/" + name).st_uid == user:
                found += len(os.listdir("/proc/%s/task" % name))
    return found


# ---------------------------------------------------------------------------------------------
# One run: pytest, and what it reports.
# ---------------------------------------------------------------------------------------------

OPTIONS = (
    "-q",
    "--color=no",
    "--continue-on-collection-errors",
    "-p",
    "no:cacheprovider",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def shortened(text: str) -> str:
    return ANSI.sub("", text)[-DETAIL_CHARS:]


class Reporter:
    """A pytest plugin that sends each test's start and result as they happen.

    It also takes back what a project's own options would do to such a run: spread it over
    processes, stop it early, measure its coverage, or run only what failed the last time.
    """

    def __init__(
        self,
        details_bytes: int,
        failures_max: int = 0,
        probes: "Optional[Probes]" = None,
        seal: str = "",
    ) -> None:
        self.pid = os.getpid()
        self.seal = seal
        self.failures_max = failures_max
        self.probes = probes
        self.started = 0
        self.search_path: List[str] = []
        self.details_left = details_bytes
        self.outcome = ""
        self.detail = ""

    def send(self, *event: Any) -> None:
        # A test that forks and returns into pytest must not report twice.
        if os.getpid() != self.pid:
            return
        line = (self.seal + json.dumps(event) + "\n").encode()
        while line:
            line = line[os.write(RESULT_FD, line) :]

    def detail_of(self, report: Any) -> str:
        text = shortened(getattr(report, "longreprtext", "") or str(report.longrepr or ""))
        text = text if len(text) <= self.details_left else ""
        self.details_left -= len(text)
        return text

    def pytest_addoption(self, parser: Any) -> None:
        """Options of the cache plugin, which is off: a project may have them in its `addopts`."""
        group = parser.getgroup("trueup")
        for names in (
            ("--lf", "--last-failed"),
            ("--ff", "--failed-first"),
            ("--nf", "--new-first"),
            ("--cache-clear",),
            ("--sw", "--stepwise"),
            ("--sw-skip", "--stepwise-skip"),
            ("--sw-reset", "--stepwise-reset"),
        ):
            group.addoption(*names, action="store_true", default=False, dest=names[-1][2:] + "-off")
        group.addoption("--lfnf", "--last-failed-no-failures", dest="lfnf-off")
        parser.addini("cache_dir", "where the cache would be")

    def pytest_load_initial_conftests(self, early_config: Any) -> Generator[None, Any, None]:
        known = early_config.known_args_namespace
        if hasattr(known, "cov_source"):
            known.cov_source, known.no_cov = [], True
        outcome = yield
        problem = outcome.excinfo
        if problem and problem[0].__name__ == "ConftestImportFailure":
            path = os.path.relpath(str(getattr(problem[1], "path", "conftest.py")))
            cause = getattr(problem[1], "cause", None) or problem[1].__cause__ or problem[1]
            self.send("uncollected", path, shortened("%s: %s" % (type(cause).__name__, cause)))

    def pytest_cmdline_main(self, config: Any) -> Generator[None, Any, None]:
        for name, value in (
            ("numprocesses", None),
            ("dist", "no"),
            ("distload", False),
            ("looponfail", False),
            ("tx", []),
            ("maxfail", self.failures_max),
            ("stepwise", False),
            ("usepdb", False),
        ):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        yield

    def pytest_collection_finish(self, session: Any) -> None:
        # Before pytest takes back what its configuration put there.
        self.search_path = list(sys.path)
        self.send("collected", len(session.items))

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.send("uncollected", report.nodeid, self.detail_of(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.probes is not None:
            self.probes.test = self.started
        self.started += 1
        self.outcome = self.detail = ""
        self.send("start", nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.outcome in ("failed", "error"):
            return
        if report.failed:
            self.outcome = "failed" if report.when == "call" else "error"
            self.detail = self.detail_of(report)
        elif type(report).__name__ == "SubtestReport":
            return
        elif report.skipped:
            expected = hasattr(report, "wasxfail")
            self.outcome = "xfailed" if expected else "skipped"
        elif report.when == "call" and report.outcome == "passed":
            self.outcome = "xpassed" if hasattr(report, "wasxfail") else "passed"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self.probes is not None:
            self.probes.test = -1
        if self.outcome:
            self.send("result", nodeid, self.outcome, self.detail)


class Probes:
    """Which tests run which statements.

    A call is put before each statement that is asked about while its module is compiled. Nothing
    else costs anything, and nothing else changes: lines, names and sources stay what they are.
    Modules that something else compiles, such as pytest's own rewriting of tests, have no probes.
    """

    NAME = "__trueup_ran__"

    def __init__(self, root: str, lines: Dict[str, Sequence[int]]) -> None:
        # The test that runs now, by its place in the order of starting; -1 outside of tests, which
        # is where imports and collection are.
        self.test = -1
        self.places: List[Tuple[str, int]] = []
        self.tests: List[Set[int]] = []
        self.wanted = {
            os.path.realpath(os.path.join(root, path)): (path, set(found))
            for path, found in lines.items()
        }

    def install(self) -> None:
        import builtins
        from importlib.machinery import SourceFileLoader

        tests, wanted = self.tests, self.wanted
        whole = SourceFileLoader.get_code

        def ran(number: int) -> None:
            tests[number].add(self.test)

        def get_code(loader: Any, name: str) -> Any:
            path = loader.get_filename(name)
            found = wanted.get(os.path.realpath(path))
            if found is None:
                return whole(loader, name)
            tree = self.with_probes(loader.get_data(path), path, *found)
            return compile(tree, path, "exec", dont_inherit=True)

        from _pytest.assertion.rewrite import AssertionRewritingHook

        rewrites = AssertionRewritingHook._should_rewrite

        def should_rewrite(hook: Any, name: str, path: str, state: Any) -> bool:
            # A module whose docstring examples are asked for by its path is a test file to pytest.
            return os.path.realpath(path) not in wanted and rewrites(hook, name, path, state)

        AssertionRewritingHook._should_rewrite = should_rewrite  # type: ignore[assignment, method-assign, unused-ignore]
        setattr(builtins, self.NAME, ran)
        # Not `source_to_code`: cached bytecode would be taken before that is asked.
        SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign, unused-ignore]

    def tell(self, reporter: Reporter) -> None:
        for number, (path, line) in enumerate(self.places):
            if self.tests[number]:
                reporter.send("runners", path, line, sorted(self.tests[number]))

    def with_probes(self, source: bytes, filename: str, path: str, lines: Set[int]) -> Any:
        import ast

        tree = ast.parse(source, filename)
        for node in ast.walk(tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    block[:] = self.probed(block, path, lines)
            for inner in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                if first_line(inner) in lines:
                    inner.body.insert(0, self.probe(path, first_line(inner), inner.body[0]))
        return ast.fix_missing_locations(tree)

    def probed(self, block: List[Any], path: str, lines: Set[int]) -> List[Any]:
        import ast

        found: List[Any] = []
        for position, statement in enumerate(block):
            line = first_line(statement)
            text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            # A docstring and `__future__` have to come first, and the first leaves no trace.
            apart = future or (text and position == 0) or hasattr(statement, self.NAME)
            if line in lines and not apart:
                found.append(self.probe(path, line, statement))
            found.append(statement)
        return found

    def probe(self, path: str, line: int, statement: Any) -> Any:
        import ast

        self.places.append((path, line))
        self.tests.append(set())
        name = ast.Name(self.NAME, ast.Load())
        call = ast.Call(name, [ast.Constant(len(self.places) - 1)], [])
        made = ast.copy_location(ast.Expr(call), statement)
        setattr(made, self.NAME, True)
        return made


def first_line(statement: Any) -> int:
    """Where a statement begins: at its first decorator, or at the pattern of a `case`."""
    if getattr(statement, "decorator_list", None):
        return min(int(decorator.lineno) for decorator in statement.decorator_list)
    return int(getattr(getattr(statement, "pattern", statement), "lineno", 0))


def is_project(config: Dict[str, Any], path: str) -> bool:
    """Whether a real path is the user's own code, and not a library in an environment inside."""
    return under(path, config["workspace"]) and not any(
        under(path, library) for library in config["libraries"]
    )


def inner_libraries(workspace: str) -> List[str]:
    """Folders of libraries that lie inside the workspace: a `.venv`, usually."""
    import sysconfig

    wanted = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    real = {os.path.realpath(path) for path in wanted}
    return sorted(path for path in real if under(path, workspace) and path != workspace)


def file_of(module: Any) -> str:
    path = getattr(module, "__file__", None)
    return os.path.realpath(path) if isinstance(path, str) else ""


def project_modules(config: Dict[str, Any]) -> List[str]:
    """Names of loaded modules that came from the workspace as it is on disk."""
    return [
        name
        for name, module in list(sys.modules.items())
        if name != "__main__"
        and not name.startswith(INSIDE_NAMES)
        and is_project(config, file_of(module))
    ]


def third_party_modules(config: Dict[str, Any], before: Set[str]) -> List[str]:
    """Modules loaded since `before` that a later run may find already there."""
    found = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name in before or spec is None or spec.name != name or name == "__main__":
            continue
        path = file_of(module)
        in_a_library = any(under(path, folder) for folder in config["importable"])
        if spec.origin in ("built-in", "frozen") or (
            path and in_a_library and not is_project(config, path)
        ):
            found.append(name)
    return found


def pose_as_pytest() -> None:
    """Be `python -m pytest`, so that a process that is spawned does not run this file again."""
    spec = importlib.util.find_spec("pytest.__main__")
    module = type(sys)("__main__")
    module.__file__ = spec.origin if spec else None
    module.__spec__ = spec
    sys.modules["__main__"] = module
    sys.argv[:] = [str(module.__file__)]


def enter_project(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """The interpreter's state as a fresh one would find it in the workspace."""
    root = config["root"]
    os.chdir(root)
    os.environ["XDG_CACHE_HOME"] = os.path.join(os.environ["HOME"], ".cache")
    # Only a dry run's bytecode is kept: it comes from the workspace as it is, not from a change.
    sys.dont_write_bytecode = not (request["learn"] and config["mode"] == "namespaces")
    sys.path[:] = config["sys_path"]
    sys.meta_path[:] = config["meta_path"]
    if config["mode"] != "namespaces":
        remap_imports(config)
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    reset_inherited_state()


def load_inside(name: str) -> Any:
    """The module of that name beside this file: code of ours that runs where the tests run."""
    path = os.path.join(INSIDE, name + ".py")
    spec = importlib.util.spec_from_file_location(INSIDE_NAMES + name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run_script(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """One of our own scripts, on the workspace with the change in it. It reports by `send`."""
    enter_project(config, request)
    reporter = Reporter(config["details_bytes"], seal=request.pop("seal"))
    probes = Probes(config["root"], request["probes"])
    if request["probes"]:
        probes.install()
    load_inside(request["script"]).main(config["root"], request["task"], reporter.send)
    probes.tell(reporter)
    if config["mode"] != "namespaces":
        reporter.send("old-code", project_modules(config)[:20])
    sys.stdout.flush()
    sys.stderr.flush()
    reporter.send("done", 0)


class Watchers:
    """What looks on while the tests run: probes, the recorder of calls, and that of arguments."""

    def __init__(
        self, config: Dict[str, Any], request: Dict[str, Any], reporter: Reporter, probes: Probes
    ) -> None:
        self.root = config["root"]
        self.reporter = reporter
        self.probes = probes
        self.calls: Any = None
        self.recorder: Any = None
        if request.get("watched"):
            lines = request["watched"]
            self.calls = load_inside("calls").Calls(config["root"], lines, reporter.send, probes)
        if request.get("record") is not None:
            self.recorder = self._recorder(config, request["record"])

    @property
    def plugins(self) -> List[Any]:
        return [] if self.recorder is None else [self.recorder]

    def _recorder(self, config: Dict[str, Any], keepers: Any) -> Any:
        """Sees which functions each test calls; the whole run is slower for it."""
        import _pytest

        libraries = [library for library in config["libraries"] if library != config["workspace"]]

        def mine(path: str) -> bool:
            return not any(under(path, library) for library in libraries)

        home = os.path.dirname(os.path.abspath(str(_pytest.__file__))) + os.sep
        holders = load_inside("holders").Holders()
        return load_inside("recorder").Recorder(config["root"], keepers, mine, home, holders)

    def start(self) -> None:
        import pytest

        if self.calls is not None:
            self.calls.install()
        if self.recorder is not None:
            kind = type(self.recorder)
            for hook in (kind.pytest_runtest_protocol, kind.pytest_fixture_setup):
                pytest.hookimpl(hookwrapper=True, tryfirst=True)(hook)
            pytest.hookimpl(tryfirst=True)(kind.pytest_runtest_teardown)
            self.recorder.start()

    def finish(self) -> None:
        if self.recorder is not None:
            self.recorder.stop()
            self.recorder.report(self.reporter.send)
        self.probes.tell(self.reporter)
        if self.calls is not None:
            self.calls.finish()
            # Relative to the workspace where they lie in it: the next run may have another copy.
            root = self.root
            paths = [path for path in self.reporter.search_path if isinstance(path, str)]
            self.reporter.send(
                "sys-path",
                [os.path.relpath(path, root) if under(path, root) else path for path in paths],
            )


def run_pytest(config: Dict[str, Any], request: Dict[str, Any]) -> None:
    """Everything from the interpreter's state to the last event of the run."""
    root = config["root"]
    enter_project(config, request)
    probes = Probes(root, request["probes"])
    if request["probes"]:
        probes.install()
    import pytest

    pose_as_pytest()
    # After every other hook wrapper of the project's plugins has been registered.
    for hook in (Reporter.pytest_load_initial_conftests, Reporter.pytest_cmdline_main):
        pytest.hookimpl(hookwrapper=True, tryfirst=True)(hook)
    stop_after = int(request.get("stop_early", False))
    reporter = Reporter(config["details_bytes"], stop_after, probes, request.pop("seal"))
    watchers = Watchers(config, request, reporter, probes)
    before = set(sys.modules)
    watchers.start()
    if config.get("started") is not None:
        use_started_pytest(config["started"])
    code = pytest.main(
        [*OPTIONS, *(["--collect-only"] if request["learn"] else []), *request["tests"]],
        plugins=[reporter, *watchers.plugins],
    )
    watchers.finish()
    if config["mode"] != "namespaces":
        reporter.send("old-code", project_modules(config)[:20])
    if request["learn"]:
        reporter.send("loaded", third_party_modules(config, before))
        reporter.send("patterns", compiled_patterns())
    sys.stdout.flush()
    sys.stderr.flush()
    reporter.send("done", int(code))


def started_pytest() -> Any:
    """Pytest's own plugins, registered as every start of it does before it looks at the project.

    None where this version of pytest starts in another way; a run then does it itself.
    """
    import _pytest.config

    try:
        started = _pytest.config.get_config(list(OPTIONS), [])
        ready = started.pluginmanager, started.invocation_params
    except Exception:
        return None
    return started if all(ready) else None


def use_started_pytest(started: Any) -> None:
    """Let the next start of pytest in this process, and only that one, go on from `started`."""
    import pathlib

    import _pytest.config

    usual = _pytest.config.get_config

    def get_config(args: Any = None, plugins: Any = None, **_other: Any) -> Any:
        _pytest.config.get_config = usual
        started.invocation_params = started.InvocationParams(
            args=args or (), plugins=plugins, dir=pathlib.Path.cwd()
        )
        return started

    _pytest.config.get_config = get_config


def know_own_fixtures() -> None:
    """Do not let every run search pytest's own modules for the fixtures that are known by then.

    Pytest looks at each name of each plugin in each session, a tenth of what a small run takes.
    """
    import _pytest.fixtures

    definition = getattr(_pytest.fixtures, "FixtureFunctionDefinition", None)
    manager = _pytest.fixtures.FixtureManager
    if definition is None:
        return
    known: Dict[int, List[str]] = {
        id(module): sorted(
            name for name, value in vars(module).items() if isinstance(value, definition)
        )
        for own, module in list(sys.modules.items())
        if own.startswith("_pytest.") and type(module) is type(sys)
    }
    usual = manager.parsefactories

    def parsefactories(self: Any, *positional: Any, **named: Any) -> Any:
        holder: Any = positional[0] if positional else named.get("holder")
        names = known.get(id(holder))
        if names is None:
            return usual(self, *positional, **named)
        # What `dir` of a module says, it may say itself.
        holder.__dict__["__dir__"] = lambda: names
        try:
            return usual(self, *positional, **named)
        finally:
            del holder.__dict__["__dir__"]

    manager.parsefactories = parsefactories  # type: ignore[method-assign, unused-ignore]


def compiled_patterns() -> List[Tuple[str, int]]:
    """Regular expressions that `re` has cached: text and flags, so data rather than code."""
    keys = list(getattr(re, "_cache", ()))
    return [(key[1], int(key[2])) for key in keys if isinstance(key[1], str)]


def compile_patterns(patterns: Iterable[Tuple[str, int]]) -> None:
    """Fill the cache of `re`: compiling is most of what importing some packages costs."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text, flags in patterns:
            with contextlib.suppress(re.error, RecursionError, OverflowError, ValueError):
                re.compile(text, flags)


def reset_inherited_state() -> None:
    """What a fork shares with its siblings and a fresh interpreter would not."""
    import random
    import tempfile

    random.seed()
    tempfile.tempdir = None


def child(agent: Agent, door: int, pipe: int, log: int) -> NoReturn:
    """The forked process of one run; ends here. What it is to do comes through `door`."""
    with contextlib.suppress(OSError):
        os.setsid()
    for source, target in ((door, 200), (log, 201), (pipe, 202)):
        os.dup2(source, target)
    for source, target in ((200, 0), (201, 1), (201, 2), (202, RESULT_FD)):
        os.dup2(source, target)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > RESULT_FD:
            with contextlib.suppress(OSError):
                os.close(int(name))
    os.set_inheritable(RESULT_FD, False)
    serve_run(agent.config)


def spawned(config: Dict[str, Any]) -> NoReturn:
    """The fresh interpreter of one run, which no process was forked for."""
    os.dup2(1, RESULT_FD, inheritable=False)
    os.dup2(2, 1)
    know_environment(config)
    serve_run(config)


def serve_run(config: Dict[str, Any]) -> NoReturn:
    """Wait for what is to be done, do it, and end."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        config["root"] = config["workspace"]
        if config["mode"] == "namespaces":
            request = enter_namespaces(config)
        else:
            request = await_request()
            enter_copy(config, request)
        limit_resources(config, request)
        if config["filter"]:
            install_seccomp(network=config["mode"] != "landlock")
    except BaseException as problem:
        Reporter(0).send("failed", "%s: %s" % (type(problem).__name__, problem))
        os._exit(SETUP_FAILED)
    try:
        (run_script if request.get("script") else run_pytest)(config, request)
        os._exit(0)
    except BaseException:
        import traceback

        Reporter(0).send("failed", shortened(traceback.format_exc()))
    finally:
        os._exit(SETUP_FAILED)


# ---------------------------------------------------------------------------------------------
# Preloading: third-party modules, tried in a throw-away fork first.
# ---------------------------------------------------------------------------------------------


class State:
    """What an import may leave behind that no fork would survive unchanged."""

    def __init__(self) -> None:
        # Native threads too, which the threading module does not know.
        self.threads = len(os.listdir("/proc/self/task"))
        self.files = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                link = os.readlink("/proc/self/fd/" + name)
            except OSError:
                continue
            if link.startswith(("socket:", "anon_inode:", "pipe:")):
                self.files.add(link)
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            self.children = 1
        except ChildProcessError:
            self.children = 0

    def grew_from(self, before: State) -> bool:
        return (
            self.threads > before.threads
            or bool(self.files - before.files)
            or self.children > before.children
        )


class Preload:
    """Loads what is safe to have loaded before a fork, and remembers what is not."""

    def __init__(self, config: Dict[str, Any]) -> None:
        import _pytest.config

        self.config = config
        self.refused: Set[str] = set()
        for name in _pytest.config.default_plugins:
            with contextlib.suppress(Exception):
                importlib.import_module("_pytest." + name)
        self.hook = self._assertion_hook()
        self.plugins = self._plugins()

    def _assertion_hook(self) -> Any:
        """Pytest's own import hook, so that the assertions of preloaded plugins explain themselves.

        None where this version of pytest gives it to nobody else; the plugins work without.
        """
        import _pytest.assertion
        import _pytest.config

        configuration: Any = _pytest.config.get_config()
        if not hasattr(configuration, "inicfg"):
            # Before pytest 9 the hook reads settings that only a real start has parsed.
            configuration.inicfg = {}
        try:
            hook = _pytest.assertion.install_importhook(configuration)
        except Exception:
            return None
        sys.meta_path.remove(hook)
        return hook

    def _plugins(self) -> List[str]:
        from importlib import metadata

        from _pytest.config import _iter_rewritable_modules

        wanted = []
        for distribution in metadata.distributions():
            entries = [e for e in distribution.entry_points if e.group == "pytest11"]
            if not entries:
                continue
            files = [str(file) for file in distribution.files or ()]
            wanted += [entry.value.partition(":")[0] for entry in entries]
            # The packages of the distribution as well: what a plugin loads late would otherwise
            # be loaded by every run.
            wanted += [f.split("/")[0] for f in files if re.match(r"[^/]+/__init__\.py$", f)]
            if self.hook is not None:
                names = [n for n in _iter_rewritable_modules(files) if n not in sys.modules]
                self.hook.mark_rewrite(*names)
        return [name for name in wanted if self._outside(name)]

    def _outside(self, name: str) -> bool:
        try:
            spec = importlib.util.find_spec(name.partition(".")[0])
        except Exception:
            return False
        return bool(spec and spec.origin) and not is_project(
            self.config, os.path.realpath(str(spec and spec.origin))
        )

    def load(self, names: Iterable[str]) -> None:
        hooks = [] if self.hook is None else [self.hook]
        sys.meta_path[:0] = hooks
        try:
            for name in self._safe(names):
                try:
                    importlib.import_module(name)
                except Exception:
                    self.refused.add(name)
        finally:
            for hook in hooks:
                sys.meta_path.remove(hook)

    def _wanted(self, names: Iterable[str]) -> List[str]:
        return [
            name
            for name in dict.fromkeys(names)
            if name not in sys.modules
            and name not in self.refused
            and name.partition(".")[0] not in self.refused
        ]

    def _safe(self, names: Iterable[str]) -> List[str]:
        """Those of `names` that a throw-away fork imports without harm; the rest is refused."""
        wanted = self._wanted(names)
        for _ in range(TRIALS_MAX):
            if not wanted:
                return []
            failed, culprit = self._trial(wanted)
            self.refused |= failed
            if culprit is None:
                return self._wanted(wanted)
            package = culprit.partition(".")[0]
            again = any(name.partition(".")[0] == package for name in self.refused)
            self.refused.add(package if again else culprit)
            wanted = self._wanted(wanted)
        return []

    def _trial(self, names: Sequence[str]) -> Tuple[Set[str], Optional[str]]:
        """(what could not be imported, the first that does harm) from one trial."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._import_and_tell(names, writer)
        os.close(writer)
        said = b""
        deadline = time.monotonic() + TRIAL_SECONDS
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                break
            piece = os.read(reader, 1 << 16)
            if not piece:
                break
            said += piece
        os.close(reader)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        end_orphans()
        lines = said.decode().splitlines()
        failed = {line[1:] for line in lines if line.startswith("x")}
        if lines and lines[-1] == "done":
            return failed, None
        tried = [line[1:] for line in lines if line.startswith("?")]
        return failed, tried[-1] if tried else names[0]

    def _import_and_tell(self, names: Sequence[str], writer: int) -> NoReturn:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            os.close(null)
            for name in names:
                os.write(writer, ("?%s\n" % name).encode())
                before = State()
                try:
                    importlib.import_module(name)
                except Exception:
                    os.write(writer, ("x%s\n" % name).encode())
                    continue
                if State().grew_from(before) or project_modules(self.config):
                    os._exit(1)
            os.write(writer, b"done\n")
        finally:
            os._exit(0)


def end_orphans() -> None:
    """As the first process of a namespace: nothing of a trial may live on."""
    if os.getpid() != 1:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    try:
        while os.waitpid(-1, 0)[0]:
            pass
    except ChildProcessError:
        pass


# ---------------------------------------------------------------------------------------------
# Serve: requests in, events out.
# ---------------------------------------------------------------------------------------------


def stamp(path: str) -> Optional[Tuple[int, int, int, int]]:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


class Bytecode:
    """What a dry run compiled, as a layer below later runs.

    It is never stale: a source that has been touched since, even within the same second, takes its
    bytecode out of the runs that follow.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.sources: Dict[str, Tuple[str, Tuple[int, int, int, int]]] = {}

    def keep(self, since: float) -> None:
        """Take the .pyc files, and nothing else, of sources that are older than the dry run."""
        marker = "." + str(sys.implementation.cache_tag)
        written = LEARNED + "/up"
        for folder, _, names in os.walk(written):
            if os.path.basename(folder) != "__pycache__":
                continue
            relative = os.path.relpath(folder, written)
            for name in names:
                stem = name.partition(marker)[0]
                source = os.path.join(self.workspace, os.path.dirname(relative), stem + ".py")
                now = stamp(source)
                if not name.endswith(".pyc") or now is None or now[1] / 1e9 > since - 1:
                    continue
                target = os.path.join(BYTECODE, relative)
                os.makedirs(target, exist_ok=True)
                shutil.copyfile(os.path.join(folder, name), os.path.join(target, name))
                self.sources[os.path.join(relative, name)] = (source, now)
        os.chmod(BYTECODE, os.stat(self.workspace).st_mode & 0o777)
        same_permissions(BYTECODE, self.workspace)
        shutil.rmtree(written, ignore_errors=True)

    def stale(self) -> List[str]:
        return [path for path, (source, then) in self.sources.items() if stamp(source) != then]


class Run:
    """One process that serves a request, or that is ready to."""

    def __init__(self, pid: int, door: int, pipe: int, log: int) -> None:
        self.pid = pid
        self.door = door
        self.pipe = pipe
        self.log = log
        self.request: Dict[str, Any] = {}
        self.seal = os.urandom(16).hex().encode()
        self.started = self.deadline = 0.0
        self.unread = b""
        self.received = 0
        self.stopped = ""
        self.code: Optional[int] = None
        self.events: List[Any] = []

    def give(self, request: Dict[str, Any]) -> None:
        self.request = request
        self.started = time.monotonic()
        self.deadline = self.started + request["timeout"]
        said = json.dumps({**request, "seal": self.seal.decode()}).encode() + b"\n"
        # A process that could not be made ready has said so, and reads nothing.
        with contextlib.suppress(BrokenPipeError):
            while said:
                said = said[os.write(self.door, said) :]
        os.close(self.door)


class Agent:
    """Serves requests until its input ends; nothing that it started lives longer than it."""

    def __init__(self, config: Dict[str, Any]) -> None:
        self.config = config
        self.runs: Dict[int, Run] = {}
        self.spare: Optional[Run] = None
        self.spares = False
        self.ending: Set[int] = set()
        self.untidy_until = 0.0
        self.poll = select.poll()
        self.input = b""
        self.quiet = False
        self.bytecode = Bytecode(config["workspace"])

    def start(self, request: Dict[str, Any]) -> Run:
        if self.config["mode"] != "namespaces":
            request["folder"] = os.path.join(self.config["scratch"], "run-%s" % request["id"])
            os.makedirs(request["folder"])
        request["stale"] = self.bytecode.stale()
        run = self.ready_run()
        run.give(request)
        self.runs[run.pipe] = run
        self.poll.register(run.pipe, select.POLLIN)
        self.prepare()
        return run

    def ready_run(self) -> Run:
        """The spare process if it still lives, else a new one."""
        spare, self.spare = self.spare, None
        if spare is not None:
            if os.waitpid(spare.pid, os.WNOHANG)[0] == 0:
                return spare
            for descriptor in (spare.door, spare.pipe, spare.log):
                os.close(descriptor)
        return self.fork()

    def prepare(self) -> None:
        """Have the next run isolate itself while nobody waits for it."""
        if self.spares and self.spare is None:
            self.spare = self.fork()

    def fork(self) -> Run:
        out, door = os.pipe()
        reader, writer = os.pipe()
        log = os.memfd_create("output") if self.config["mode"] != "spawn" else self.log_file()
        if self.config["mode"] == "spawn":
            pid = self.spawn(out, writer, log)
        else:
            pid = os.fork()
            if pid == 0:
                child(self, out, writer, log)
        os.close(out)
        os.close(writer)
        return Run(pid, door, reader, log)

    def log_file(self) -> int:
        import tempfile

        descriptor, path = tempfile.mkstemp(dir=str(self.config["scratch"]))
        # Nobody opens it again; where an open file cannot be removed, its folder goes in the end.
        with contextlib.suppress(OSError):
            os.unlink(path)
        return descriptor

    def spawn(self, door: int, pipe: int, log: int) -> int:
        import subprocess

        own = ("sys_path", "meta_path", "libraries", "importable")
        config = {key: value for key, value in self.config.items() if key not in own}
        process = subprocess.Popen(
            [sys.executable, os.path.realpath(__file__), json.dumps({**config, "stage": "run"})],
            stdin=door,
            stdout=pipe,
            stderr=log,
            start_new_session=True,
        )
        # The process is waited for by its number, like a forked one.
        process.returncode = 0
        return process.pid

    def stop(self, run: Run, how: str) -> None:
        """Kill everything of a run. It is over when its pipe ends: no process holds it then."""
        if run.stopped:
            return
        run.stopped = how
        run.deadline = time.monotonic() + 2 * SWEEP_SECONDS
        gently = self.config["mode"] != "namespaces"
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGTERM if gently else signal.SIGKILL)

    def read(self, run: Run) -> None:
        piece = os.read(run.pipe, 1 << 16)
        if not piece:
            self.finish(run)
            return
        run.received += len(piece)
        *lines, run.unread = (run.unread + piece).split(b"\n")
        if run.received > self.config["output_bytes"] or len(run.unread) > LINE_BYTES_MAX:
            self.stop(run, "output")
            return
        for line in lines:
            if line.startswith(EXIT_LINE[:7]):
                run.code = int(line[8:-1])
            elif line.startswith(run.seal):
                self.tell(run, line[len(run.seal) :].decode(errors="replace"))
            elif line.startswith(FAILED):
                self.tell(run, line.decode(errors="replace"))
            else:
                # Who does not know the seal is not the reporter, whatever it says.
                self.stop(run, "forged")
                return

    def tell(self, run: Run, line: str) -> None:
        if self.quiet:
            run.events.append(line)
        else:
            say({"run": run.request["id"], "line": line})

    def finish(self, run: Run) -> None:
        del self.runs[run.pipe]
        self.poll.unregister(run.pipe)
        os.close(run.pipe)
        if run.code is None or run.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGKILL)
            code = exit_code(os.waitpid(run.pid, 0)[1])
            # What was below it comes here to end.
            self.untidy_until = time.monotonic() + SWEEP_SECONDS
        else:
            # All that it ran is dead; the shell around it ends while the result is on its way.
            code = run.code
            self.ending.add(run.pid)
        size = os.fstat(run.log).st_size
        tail = os.pread(run.log, 4096, max(0, size - 4096)).decode(errors="replace")
        os.close(run.log)
        if self.config["mode"] != "namespaces":
            shutil.rmtree(run.request["folder"], ignore_errors=True)
        self.reap()
        if not self.quiet:
            say(
                {
                    "run": run.request["id"],
                    "event": "end",
                    "stopped": run.stopped,
                    "code": code,
                    "elapsed": round(time.monotonic() - run.started, 4),
                    "output": shortened(tail),
                }
            )

    def reap(self) -> None:
        """Orphans come to the first process of the namespace; runs are waited for by `finish`."""
        for pid in list(self.ending):
            # Someone else may have waited for all that there was.
            with contextlib.suppress(ChildProcessError):
                if not os.waitpid(pid, os.WNOHANG)[0]:
                    continue
            self.ending.discard(pid)
        running = {run.pid for run in (*self.runs.values(), *([self.spare] if self.spare else []))}
        while os.getpid() == 1:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if not ended or ended.si_pid in running:
                    return
                os.waitpid(ended.si_pid, 0)
                self.ending.discard(ended.si_pid)
            except ChildProcessError:
                return

    def step(self, *, idle_seconds: float = 60.0) -> bool:
        """Wait for one thing and deal with it; False when the server has gone."""
        now = time.monotonic()
        self.reap()
        if self.ending or now < self.untidy_until:
            idle_seconds = ENDING_SECONDS
        left = min([run.deadline - now for run in self.runs.values()] + [idle_seconds])
        for descriptor, _ in self.poll.poll(max(0, int(left * 1000) + 1)):
            if descriptor == 0:
                piece = os.read(0, 1 << 16)
                if not piece:
                    return False
                *lines, self.input = (self.input + piece).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
            elif descriptor in self.runs:
                self.read(self.runs[descriptor])
        now = time.monotonic()
        for run in [run for run in self.runs.values() if run.deadline <= now]:
            if run.stopped:
                self.finish(run)
            else:
                self.stop(run, "timeout")
        return True

    def obey(self, request: Dict[str, Any]) -> None:
        if request["op"] == "run":
            self.start(request)
        elif request["op"] == "kill":
            for run in list(self.runs.values()):
                if run.request["id"] == request["id"]:
                    self.stop(run, "killed")

    def learn(self) -> Tuple[Optional[int], List[str]]:
        """(how many tests the suite has, which modules collecting them loads), from a dry run."""
        self.quiet = self.config["learning"] = True
        since = time.time()
        run = self.start(
            {
                "id": "learn",
                "tests": [],
                "changed": {},
                "deleted": [],
                "probes": {},
                "timeout": LEARN_SECONDS,
                "learn": True,
            }
        )
        while run.pipe in self.runs:
            self.step()
        self.quiet = self.config["learning"] = False
        if self.config["mode"] == "namespaces":
            self.bytecode.keep(since)
        total: Optional[int] = None
        loaded: List[str] = []
        whole = True
        for line in run.events:
            try:
                kind, *rest = json.loads(line)
            except ValueError:
                continue
            if kind == "collected":
                total = rest[0]
            elif kind == "uncollected":
                whole = False
            elif kind == "loaded":
                loaded = [name for name in rest[0] if isinstance(name, str)]
            elif kind == "patterns" and self.config["preload"]:
                compile_patterns((str(text), int(flags)) for text, flags in rest[0])
        return total if whole else None, loaded

    def close(self) -> None:
        for run in list(self.runs.values()):
            self.stop(run, "killed")
        deadline = time.monotonic() + 2 * SWEEP_SECONDS
        while self.config["mode"] != "namespaces" and self.runs and time.monotonic() < deadline:
            for descriptor, _ in self.poll.poll(50):
                if descriptor in self.runs:
                    self.read(self.runs[descriptor])


def without_project(config: Dict[str, Any]) -> None:
    """From here on no import of this process can find a module of the workspace."""
    sys.path[:] = [path for path in sys.path if not is_project(config, os.path.realpath(path))]
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if "editable" not in str(getattr(finder, "__module__", "")) + type(finder).__module__
    ]


def warm_up(agent: Agent) -> Optional[int]:
    """Load pytest and what the suite needs; returns how many tests the suite has, if known."""
    config = agent.config
    if config["mode"] == "spawn":
        return agent.learn()[0]
    without_project(config)
    preload = Preload(config)
    if config["preload"]:
        preload.load(preload.plugins)
    total, loaded = agent.learn()
    if config["preload"]:
        preload.load(loaded)
        know_own_fixtures()
        config["started"] = started_pytest()
    state = State()
    if config["preload"] and (project_modules(config) or state.threads > 1 or state.children):
        # Something got past the trial. Start over without what the project's libraries bring.
        end_orphans()
        config["preload"] = False
        config.pop("started")
        start_over(config)
    gc.collect()
    # Otherwise each run copies every page that its own garbage collector touches.
    gc.freeze()
    return total


def know_environment(config: Dict[str, Any]) -> None:
    """What this interpreter has on its path, as `python -m pytest` in the workspace would."""
    here = os.path.dirname(os.path.realpath(__file__))
    workspace = config["workspace"]
    # `python -m pytest` puts the working directory first, and many a project relies on it.
    sys.path[:] = [
        workspace,
        *(path for path in sys.path if path and os.path.realpath(path) not in (here, workspace)),
    ]
    config["sys_path"], config["meta_path"] = list(sys.path), list(sys.meta_path)
    config["libraries"] = inner_libraries(workspace)
    config["importable"] = [os.path.realpath(path) for path in sys.path if os.path.isdir(path)]


def serve(config: Dict[str, Any]) -> None:
    die_with_parent()
    know_environment(config)
    if project_modules(config):
        refuse("the environment loads the project's own code when Python starts")
    if importlib.util.find_spec("pytest") is None:
        refuse("pytest is not installed in the project's environment (%s)" % config["interpreter"])
    agent = Agent(config)
    total = None if config["cold"] else warm_up(agent)
    network = config["mode"] == "landlock" and landlock_version() >= TCP_VERSION
    say(
        {
            "event": "ready",
            "mode": config["mode"],
            "refused": config["refused"],
            "no_fence": config.get("no_fence", ""),
            "seccomp": config["filter"],
            "network": "none" if network and config["filter"] else "open",
            "home_hidden": not under(os.path.realpath(config["home"]), config["workspace"]),
            "total": total,
        }
    )
    agent.poll.register(0, select.POLLIN)
    agent.spares = config["mode"] == "namespaces" and not config["cold"]
    agent.prepare()
    try:
        while agent.step():
            pass
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        agent.close()
        os._exit(0)


def main() -> None:
    config = json.loads(sys.argv[1])
    {"launch": launch, "serve": serve, "run": spawned}[config["stage"]](config)


if __name__ == "__main__":
    main()
