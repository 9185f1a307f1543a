"""A Telethon client that trusts the node, and the node's refusals as Telethon knows them."""

from telethon import TelegramClient, errors
from telethon.crypto import rsa
from telethon.sessions import MemorySession

NAMES = {kind: name for name, kind in errors.rpc_errors_dict.items()}


async def connected(args, dc=2, **options):
    with open(args.pem) as pem:
        rsa.add_key(pem.read(), old=False)
    session = MemorySession()
    session.set_dc(dc, args.host, args.port)
    client = TelegramClient(session, 1, "x" * 32, **options)
    await client.connect()
    return client


def refusal_of(error):
    """Code and name: the name is kept only as the class that was looked up by it."""
    return [error.code, NAMES.get(type(error), error.message)]


async def refusal(call):
    try:
        await call
    except errors.RPCError as error:
        return refusal_of(error)
    return None
