"""Drives Pyrogram or Kurigram (its successor, the same package name) up to an accepted auth.sendCode.

Kurigram from 2.2 keeps the DC's address in its storage: an own storage class, handed in by the public
parameter `storage_engine`, gives ours. Before that, and in Pyrogram, the table of DCs is code: the class
that looks it up is replaced at run time. In Pyrogram the transport is fixed too, and replaced likewise.
"""

import inspect
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import pyrogram
import pyrogram.connection.connection
import pyrogram.connection.transport
from pyrogram import Client, errors, raw
from pyrogram.crypto import rsa
from pyrogram.session import Session
from pyrogram.session import internals

TRANSPORTS = {
    "abridged": "TCPAbridged",
    "abridged-obfuscated": "TCPAbridgedO",
    "full": "TCPFull",
    "intermediate": "TCPIntermediate",
    "intermediate-obfuscated": "TCPIntermediateO",
    "padded": "TCPIntermediatePadded",
    # The secret of an MTProxy decides the framing: padded with a `dd` secret, else the one given.
    "mtproxy-abridged": "TCPAbridged",
    "mtproxy-padded": "TCPAbridged",
}


class Address:
    """Where every connection goes, whatever the library had in mind."""

    host, port = None, None


def client(args):
    transport = getattr(pyrogram.connection.transport, TRANSPORTS[args.transport])
    options = {}
    if "protocol_factory" in inspect.signature(Client).parameters:
        options["protocol_factory"] = transport
    else:
        pyrogram.connection.connection.TCPAbridged = transport
    if args.secret:
        options["proxy"] = dict(scheme="mtproxy", hostname=args.host, port=args.port, secret=args.secret)
    if hasattr(internals, "DataCenter"):
        internals.DataCenter.__new__ = lambda cls, *_, **__: (Address.host, Address.port)
        options["in_memory"] = True
    else:
        from pyrogram.storage import SQLiteStorage

        class Local(SQLiteStorage):
            async def server_address(self, value=object):
                return Address.host

            async def port(self, value=object):
                return Address.port

        options["storage_engine"] = Local("test", in_memory=True, workdir=None)
    return Client("test", api_id=1, api_hash="x" * 32, ipv6=":" in args.host, **options)


async def reconnect(app, host, port):
    """A second session under the same auth key, at the address that the configuration gave out."""
    Address.host, Address.port = host, port
    where = [host, port] if "server_address" in inspect.signature(Session).parameters else []
    session = Session(app, 2, *where, await app.storage.auth_key(), False)
    await session.start()
    config = await session.invoke(raw.functions.help.GetConfig())
    await session.stop()
    return config.this_dc


async def main(args):
    n, e = common.read_key(args.pem)
    rsa.server_public_keys[common.fingerprint(n, e)] = rsa.PublicKey(n, e)
    Address.host, Address.port = args.host, args.port
    app = client(args)
    await app.connect()
    config = await app.invoke(raw.functions.help.GetConfig())
    try:
        await app.invoke(raw.functions.users.GetUsers(id=[raw.types.InputUserSelf()]))
        refusal = None
    except errors.RPCError as error:
        refusal = [error.CODE, error.ID]
    pong = await app.invoke(raw.functions.Ping(ping_id=7))
    salts = await app.invoke(raw.functions.GetFutureSalts(num=4))
    nearest = await app.invoke(raw.functions.help.GetNearestDc())
    countries = await app.invoke(raw.functions.help.GetCountriesList(lang_code="en", hash=0))
    languages = await app.invoke(raw.functions.langpack.GetLanguages(lang_pack="android"))
    send_code = getattr(app, "send_code", None) or app.send_phone_number_code
    sent = await send_code(args.phone)
    back = next(o for o in config.dc_options if o.id == config.this_dc and bool(o.ipv6) == (":" in args.host))
    again = await reconnect(app, back.ip_address, back.port)
    report = {
        "client": "pyrogram",
        "version": pyrogram.__version__,
        "layer": raw.all.layer,
        "transport": args.transport,
        "this_dc": config.this_dc,
        "test_mode": config.test_mode,
        "dc_options": [[o.id, o.ip_address, o.port] for o in config.dc_options],
        "nearest_dc": nearest.nearest_dc,
        "refusal": refusal,
        "pong": pong.ping_id,
        "salts": len(salts.salts),
        "countries": len(countries.countries),
        "languages": len(languages),
        "phone_code_hash": sent.phone_code_hash,
        "reconnected": again == config.this_dc,
    }
    await app.disconnect()
    return report


common.run(main(common.arguments()))
