"""Logs a member of a Rookery node in with Telethon, and writes a word to Saved messages.

Run it once more, and it is logged in: the session is kept in `member.session`.
    pip install telethon==1.45.0
"""

import asyncio
from getpass import getpass

from telethon import TelegramClient, errors, functions
from telethon.crypto import rsa

HOST, PORT, DC = @HOST@, @PORT@, @DC@
KEY = """@PEM@
"""


async def log_in(client):
    phone = input("Number: ")
    sent = await client.send_code_request(phone)
    try:
        await client.sign_in(phone, input("Code: "))
    except errors.SessionPasswordNeededError:
        await client.sign_in(password=getpass("Password: "))
    except errors.PhoneNumberUnoccupiedError:
        # A new member. The library's own `sign_up` refuses by itself.
        name = input("Your name: ")
        await client(functions.auth.SignUpRequest(phone, sent.phone_code_hash, name, ""))


async def main():
    rsa.add_key(KEY, old=False)
    # A node takes any api_id and api_hash.
    client = TelegramClient("member", 1, "any")
    client.session.set_dc(DC, HOST, PORT)
    await client.connect()
    if not await client.is_user_authorized():
        await log_in(client)
    await client.send_message("me", "hello from Telethon")
    me = await client.get_me()
    print("Logged in as", me.first_name)
    await client.disconnect()


asyncio.run(main())
