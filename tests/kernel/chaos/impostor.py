"""A server that misbehaves, on a daemon's own port: `python -m kernel.chaos.impostor BEHAVIOUR PORT`."""

import asyncio
import sys

from lvsmon.testing.misbehaving import HANDLERS


async def _serve(behaviour: str, port: int) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await HANDLERS[behaviour](reader, writer)
        except OSError:  # the client has had enough
            writer.transport.abort()
        finally:
            writer.close()

    async with await asyncio.start_server(converse, port=port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
