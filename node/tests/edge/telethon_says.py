"""Joins, and says something to itself; and something else that is refused."""

from telethon import errors, functions

import common
import session

TEXT = "what no log shows: quincunx"


async def main(args):
    client, _ = await session.log_in(args, args.phone, args.code, "Ada")
    sent = await client.send_message("me", TEXT)
    refused = None
    try:
        await client(functions.contacts.ResolveUsernameRequest("nobody_is_called_so"))
    except errors.RPCError as error:
        refused = session.refusal_of(error)
    await client.disconnect()
    return {"id": sent.id, "refused": refused}


if __name__ == "__main__":
    common.run(main(common.arguments()))
