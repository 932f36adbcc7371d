"""Servers of a few lines for the other side of a channel."""

import asyncio
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def serving(handler, host="127.0.0.1", **more):
    """Serve connections with ``handler``; give the port. Leave none of them behind."""
    running = set()

    async def serve(reader, writer):
        task = asyncio.current_task()
        running.add(task)
        try:
            with suppress(ConnectionError):
                await handler(reader, writer)
        finally:
            running.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0, **more)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        while running:
            await asyncio.wait(running)


async def until_the_end(reader, writer):
    """Say nothing until the other side has gone."""
    while await reader.read(65536):
        pass
