"""Seals a child for good: system calls and file rights that no job needs are refused from then on.

Both seals are the kernel's (seccomp and Landlock), survive anything the process does later, and are
put on where the kernel has them; where it hasn't, the other bars still stand.
"""

import ctypes
import errno
import os
import platform
import struct

from quantumsvc.backends.execution import kernel

# Which calls exist under which number, for x86_64 and for aarch64 (None: no such call there).
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "open_by_handle_at": (304, 265),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "personality": (135, 92),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
}  # fmt: skip
_SOCKET, _LISTEN = (41, 198), (50, 201)
_INTERNET = (2, 10)
"""Address families of connections over IPv4 and IPv6."""
_OWN_PROCESS_ONLY: dict[str, tuple[int, int]] = {"kill": (62, 129), "tgkill": (234, 131)}
_PRLIMIT, _CLONE, _CLONE3 = (302, 261), (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE_THREAD = 0x10000

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_CHANGING_RIGHTS = 0b1_1111_1111_0010
"""Landlock's first version without execute, read file and read directory: all that changes files."""
_WRITE_FILE = 0b10


def seal(*, network: bool = False) -> None:
    """Put both seals on this process and the threads it will start; ``network`` leaves it connections."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    refuse_file_changes()
    refuse_calls(network=network)


def refuse_calls(*, network: bool) -> bool:
    """No new processes, programs, sockets, or hands laid on other processes; False if not possible."""
    program = call_filter(platform.machine(), os.getpid(), network=network)
    if program is None:
        return False
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.create_string_buffer(head, len(head)))


def call_filter(machine: str, process: int, *, network: bool = False) -> bytes | None:
    """The filter as the kernel reads it, for one process; None for a machine whose numbers aren't known.

    With ``network`` the process may connect over IP, but not serve, and reaches no socket of this host
    that has a file's name.
    """
    if machine not in _ARCHITECTURES:
        return None
    column, architecture = _ARCHITECTURES[machine]
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _REFUSE | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, 0x40000000, 0, 1),  # x86_64's second set of numbers for the same calls
        _step(_RETURN, _REFUSE | errno.EPERM),
    ]
    for numbers in _REFUSED.values():
        number = numbers[column]
        steps += [] if number is None else _refuse(number, errno.EPERM)
    steps += _refuse(_CLONE3[column], errno.ENOSYS)  # its flags can't be seen; libc then uses clone
    steps += _refuse_unless(_CLONE[column], _ANY_BIT, _CLONE_THREAD)
    steps += _refuse_unless(_PRLIMIT[column], _EQUAL, 0)
    steps += _network_steps(column) if network else _refuse(_SOCKET[column], errno.EPERM)
    for pair in _OWN_PROCESS_ONLY.values():
        steps += _refuse_unless(pair[column], _EQUAL, process)
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refuse(number: int, error: int) -> list[bytes]:
    return [_step(_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE | error)]


def _refuse_unless(number: int, test: int, value: int) -> list[bytes]:
    """Refuse the call unless its first argument passes; leaves the call's number loaded."""
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(test, value, 1, 0),
        _step(_RETURN, _REFUSE | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
    ]


def _network_steps(column: int) -> list[bytes]:
    one, other = _INTERNET
    return [
        *_refuse(_LISTEN[column], errno.EPERM),
        _step(_EQUAL, _SOCKET[column], 0, 5),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_EQUAL, one, 2, 0),
        _step(_EQUAL, other, 1, 0),
        _step(_RETURN, _REFUSE | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
    ]


def refuse_file_changes() -> bool:
    """Nothing but /dev/null may be written, made or removed in any file system; False if not possible."""
    if platform.machine() not in _ARCHITECTURES:
        return False
    rights = ctypes.c_uint64(_CHANGING_RIGHTS)
    rules = kernel.syscall(_LANDLOCK_CREATE, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    null = os.open(os.devnull, os.O_PATH)
    beneath = struct.pack("=Qi", _WRITE_FILE, null)
    kernel.syscall(_LANDLOCK_ADD, rules, 1, ctypes.create_string_buffer(beneath, len(beneath)), 0)
    os.close(null)
    done = kernel.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return done == 0
