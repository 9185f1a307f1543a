"""Knocks with Telethon, unmodified, as a member; prints how it was refused, or "connected" and its session.

keys: trusts Telegram's keys alone. secret: an MTProxy secret that the node does not have. trusts: knows the
key in a file, and may have a session.
"""

import asyncio
import sys

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.network import connection
from telethon.sessions import StringSession

how, host, port, *more = sys.argv[1:]
session, options = StringSession(more[1] if len(more) > 1 else None), {}
if how == "trusts":
    with open(more[0]) as pem:
        rsa.add_key(pem.read(), old=False)
if how == "secret":
    options = {
        "proxy": (host, int(port), "dd" + "5" * 32),
        "connection": connection.ConnectionTcpMTProxyRandomizedIntermediate,
    }
else:
    session.set_dc(2, host, int(port))


async def knock():
    client = TelegramClient(
        session, 1, "x" * 32, connection_retries=0, retry_delay=0, timeout=10, **options)
    try:
        await client.connect()
        print("connected", session.save())
    except Exception as error:
        print(type(error).__name__, error)


asyncio.run(knock())
