"""Drives Telethon, unmodified and through its public functions, up to an accepted auth.sendCode."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import common
import telethon
from telethon import TelegramClient, errors, functions, types
from telethon.crypto import AuthKey, rsa
from telethon.network import connection
from telethon.sessions import MemorySession
from telethon.tl.alltlobjects import LAYER

TRANSPORTS = {
    "full": connection.ConnectionTcpFull,
    "abridged": connection.ConnectionTcpAbridged,
    "intermediate": connection.ConnectionTcpIntermediate,
    "obfuscated": connection.ConnectionTcpObfuscated,
    "mtproxy-abridged": connection.ConnectionTcpMTProxyAbridged,
    "mtproxy-intermediate": connection.ConnectionTcpMTProxyIntermediate,
    "mtproxy-padded": connection.ConnectionTcpMTProxyRandomizedIntermediate,
}


def client(args, host, port, auth_key=None):
    session = MemorySession()
    options = {}
    if args.secret:
        options["proxy"] = (host, port, args.secret)
    else:
        session.set_dc(2, host, port)
    session.auth_key = auth_key
    return TelegramClient(
        session, 1, "x" * 32, connection=TRANSPORTS[args.transport],
        connection_retries=1, timeout=10, use_ipv6=":" in host, **options)


async def main(args):
    with open(args.pem) as pem:
        rsa.add_key(pem.read(), old=False)
    kept = pathlib.Path(args.session) if args.session else None
    known = AuthKey(kept.read_bytes()) if kept and kept.exists() else None
    first = client(args, args.host, args.port, known)
    await first.connect()
    config = await first(functions.help.GetConfigRequest())
    try:
        await first(functions.users.GetUsersRequest([types.InputUserSelf()]))
        refusal = None
    except errors.RPCError as error:
        # Telethon keeps the error's text only as the class that it looked up by it.
        names = [name for name, kind in errors.rpc_errors_dict.items() if kind is type(error)]
        refusal = [error.code, names[0] if names else error.message]
    pong = await first(functions.PingRequest(ping_id=7))
    salts = await first(functions.GetFutureSaltsRequest(num=4))
    nearest = await first(functions.help.GetNearestDcRequest())
    countries = await first(functions.help.GetCountriesListRequest(lang_code="en", hash=0))
    languages = await first(functions.langpack.GetLanguagesRequest(lang_pack="android"))
    sent = await first.send_code_request(args.phone)
    report = {
        "client": "telethon",
        "version": telethon.__version__,
        "layer": LAYER,
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
    }
    auth_key = first.session.auth_key
    report["auth_key_id"] = str(auth_key.key_id)
    if kept:
        kept.write_bytes(auth_key.key)
    await first.disconnect()

    # The same key again, at the address that the configuration gave out.
    back = next(o for o in config.dc_options if o.id == config.this_dc and o.ipv6 == (":" in args.host))
    second = client(args, back.ip_address, back.port, auth_key)
    await second.connect()
    again = await second(functions.help.GetConfigRequest())
    report["reconnected"] = again.this_dc == config.this_dc and second.session.auth_key == auth_key
    await second.disconnect()
    return report


common.run(main(common.arguments()))
