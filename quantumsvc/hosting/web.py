"""The web server process: ``python -m quantumsvc.hosting.web --fd N`` or ``--host H --port N``.

With ``--fd`` it serves a socket that its starter listens on. While the server is started anew after a
crash, callers then wait in that socket's queue for a moment and are not refused.
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence

import uvicorn

# Held requests (a client waiting for a job) get this long to end when the server stops (seconds).
_LAST_REQUESTS_SECONDS = 2
_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port``; raises ``OSError`` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def command_for(fd: int) -> list[str]:
    """How a child process is started that serves the listening socket ``fd``."""
    return [sys.executable, "-m", "quantumsvc.hosting.web", "--fd", str(fd)]


def serve(listener: socket.socket) -> None:
    """Serve the application until SIGTERM or Ctrl-C."""
    config = uvicorn.Config(
        "quantumsvc.asgi:application",
        access_log=False,
        log_level="info",
        server_header=False,
        lifespan="off",
        # Live messages are short; packing each for every socket takes longer than sending it.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
        backlog=_BACKLOG,
    )
    uvicorn.Server(config).run(sockets=[listener])


def main(arguments: Sequence[str]) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="quantumsvc.hosting.web", allow_abbrev=False)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args(arguments)
    # Each request may run in another thread, so the connections come from a pool (settings).
    os.environ["QUANTUMSVC_DB_POOL"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
    try:
        listener = socket.socket(fileno=asked.fd) if asked.fd is not None else listen(asked.host, asked.port)
    except OSError as error:
        sys.exit(f"Can't listen on {asked.host} port {asked.port}: {error.strerror}.")
    serve(listener)


if __name__ == "__main__":
    main(sys.argv[1:])
