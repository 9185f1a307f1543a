"""A Telethon client that trusts the node, and the node's refusals as Telethon knows them."""

from telethon import TelegramClient, errors, functions
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


async def log_in(args, phone, code, name):
    """A client of somebody who joins by an invite, and the account's number."""
    client = await connected(args)
    sent = await client.send_code_request(phone)
    await client(functions.auth.SignInRequest(phone, sent.phone_code_hash, code))
    done = await client(functions.auth.SignUpRequest(phone, sent.phone_code_hash, name, ""))
    await client._on_login(done.user)
    return client, done.user.id


def refusal_of(error):
    """Code and name: the name is kept only as the class that was looked up by it."""
    return [error.code, NAMES.get(type(error), error.message)]


async def refusal(call):
    try:
        await call
    except errors.RPCError as error:
        return refusal_of(error)
    return None
