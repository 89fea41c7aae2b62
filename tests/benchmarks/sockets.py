"""Open sockets of many pages, in a process of their own: ``python -m tests.benchmarks.sockets ADDRESS``.

Reads the keys of the browsers' sessions, one a line, opens a socket for each and says so. When its input
ends, it prints what they have heard.
"""

import asyncio
import json
import sys
from collections import Counter

from websockets.asyncio.client import ClientConnection, connect

WELCOMES_SECONDS = 60.0


async def _hear(socket: ClientConnection, heard: Counter[str]) -> None:
    async for message in socket:
        told = json.loads(message)
        heard["messages"] += 1
        heard["bytes"] += len(message)
        heard["changes"] += len(told.get("changes", ()))


async def _open(address: str, key: str) -> ClientConnection:
    socket = await connect(
        f"{address.replace('http', 'ws', 1)}/ws/live",
        additional_headers={"Cookie": f"sessionid={key}"},
        origin=address,  # type: ignore[arg-type]
    )
    async with asyncio.timeout(WELCOMES_SECONDS):
        assert json.loads(await socket.recv()) == {"type": "welcome"}
    return socket


async def main(address: str, keys: list[str]) -> None:
    """Hear until the input ends."""
    heard: Counter[str] = Counter()
    sockets = [await _open(address, key) for key in keys]
    hearing = [asyncio.create_task(_hear(socket, heard)) for socket in sockets]
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"lost": sum(task.done() for task in hearing), **heard}), flush=True)


if __name__ == "__main__":
    wanted = iter(sys.stdin.readline, "\n")
    asyncio.run(main(sys.argv[1], [line.strip() for line in wanted]))
