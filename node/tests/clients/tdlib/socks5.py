"""A SOCKS5 server that sends every CONNECT to one local port; nothing else is ever dialled."""

import asyncio


async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def start(target_host, target_port, asked_for):
    """Listens on a free port and returns it; appends the address of each CONNECT to `asked_for`."""

    async def serve(reader, writer):
        try:
            _, methods = await reader.readexactly(2)
            await reader.readexactly(methods)
            writer.write(b"\x05\x00")
            _, _, _, kind = await reader.readexactly(4)
            size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            address = await reader.readexactly(size)
            port = int.from_bytes(await reader.readexactly(2), "big")
            asked_for.append(f"{'.'.join(map(str, address)) if kind == 1 else address!r}:{port}")
            node_reader, node_writer = await asyncio.open_connection(target_host, target_port)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await writer.drain()
            await asyncio.gather(pipe(reader, node_writer), pipe(node_reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]
