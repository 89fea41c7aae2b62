"""A worker process for tests: leases a child, starts a task, prints the child's id and waits for ever."""

import sys
import time

from quantumsvc.backends.execution.client import ExecutionPool
from quantumsvc.backends.execution.messages import NeedDevice, Phase
from quantumsvc.backends.execution.testing import a_task


def main() -> None:
    """Arguments: the pool's socket and the task's params."""
    lease = ExecutionPool(sys.argv[1]).lease("held")
    lease.start(a_task(), sys.argv[2].encode())
    while True:
        for event in lease.wait(60):
            if isinstance(event, NeedDevice):
                lease.give_device(b"{}")
            elif isinstance(event, Phase):
                sys.stdout.write(f"{lease.pid}\n")
                sys.stdout.flush()
                time.sleep(600)


if __name__ == "__main__":
    main()
