"""Knocks with Telethon, unmodified, as a member whose settings are wrong; prints how it was refused.

keys: trusts Telegram's keys alone. secret: an MTProxy secret that the node does not have.
"""

import asyncio
import sys

from telethon import TelegramClient
from telethon.network import connection
from telethon.sessions import MemorySession

how, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
session, options = MemorySession(), {}
if how == "secret":
    options = {
        "proxy": (host, port, "dd" + "5" * 32),
        "connection": connection.ConnectionTcpMTProxyRandomizedIntermediate,
    }
else:
    session.set_dc(2, host, port)


async def knock():
    client = TelegramClient(
        session, 1, "x" * 32, connection_retries=0, retry_delay=0, timeout=10, **options)
    try:
        await client.connect()
        print("connected")
    except Exception as error:
        print(type(error).__name__, error)


asyncio.run(knock())
