"""Starts a program as its systemd unit confines it, where no systemd runs. It needs Python and libseccomp alone.

The seccomp filter is the unit's own, spelled out by `systemd-analyze` and put in force by libseccomp; writable and
executable memory is refused by the kernel (PR_SET_MDWE; systemd does it with seccomp). The file system, identity and
capabilities are the sandbox's business. Not played: address families, namespaces, the device list, /proc of others.
"""

import ctypes
import os
import resource
import sys
from pathlib import Path

_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000
_EPERM = 1
_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
_PR_SET_NO_NEW_PRIVS = 38


def confine(calls: list[str], open_files: int) -> None:
    """Put this process, and all it starts, under the filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if libc.prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this kernel cannot refuse executable memory")
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_ERRNO | _EPERM)))
    for call in calls:
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # else: of another architecture
            seccomp.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0)
    if seccomp.seccomp_load(context):
        raise OSError("the filter was not taken")


def main() -> None:
    """`confined.py CALLS-FILE OPEN-FILES COMMAND...`: the calls one a line."""
    calls_file, open_files, *command = sys.argv[1:]
    confine(Path(calls_file).read_text().split(), int(open_files))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
