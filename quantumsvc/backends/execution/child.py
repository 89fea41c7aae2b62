"""Life of one child: forked warm, it serves one lease after another and does nothing else."""

import signal
import socket

import msgspec

from quantumsvc.backends.execution.confine import confine_child
from quantumsvc.backends.execution.frames import FrameError, Kind
from quantumsvc.backends.execution.messages import Task
from quantumsvc.backends.execution.options import PoolOptions
from quantumsvc.backends.execution.reporting import Channel, LeaseLost
from quantumsvc.backends.execution.running import TaskRunner, reseed

_TASK = msgspec.json.Decoder(Task)


def live(handoff: socket.socket, lifeline: int, pool: int, options: PoolOptions, runner: TaskRunner) -> None:
    """Serve the leases that the pool hands over, each as a socket; returns when there are no more.

    ``lifeline`` is the reading end of a pipe that only the pool holds open, ``pool`` its process id.
    """
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child's end is the pool's decision
    confine_child(handoff.fileno(), lifeline, pool, options)
    reseed()
    while (lease := _next_lease(handoff)) is not None:
        with lease:
            _serve(Channel(lease), runner)


def _next_lease(handoff: socket.socket) -> socket.socket | None:
    data, descriptors, _, _ = socket.recv_fds(handoff, 1, 1)
    if not data:
        return None
    return socket.socket(fileno=descriptors[0])


def _serve(channel: Channel, runner: TaskRunner) -> None:
    try:
        while True:
            frame = channel.receive()
            if frame.kind is not Kind.TASK:
                raise FrameError("a task was due and something else came")
            runner.run(channel, _TASK.decode(frame.header), frame.body)
    except LeaseLost:
        return
