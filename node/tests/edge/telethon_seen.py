"""Joins from an address of this machine, and says at which address the node saw its logins."""

from telethon import functions

import common
import session


async def main(args, local):
    options = {"local_addr": (local, 0)} if local else {}
    session_connected = session.connected

    async def connected(args):
        return await session_connected(args, **options)

    session.connected = connected
    client, _ = await session.log_in(args, args.phone, args.code, "Ada")
    found = await client(functions.account.GetAuthorizationsRequest())
    await client.disconnect()
    return {"ips": [one.ip for one in found.authorizations]}


if __name__ == "__main__":
    import sys

    local = sys.argv.pop(1) if not sys.argv[1].startswith("--") else None
    common.run(main(common.arguments(), local))
