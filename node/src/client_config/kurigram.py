"""Logs a member of a Rookery node in with Kurigram, and writes a word to Saved messages.

Run it once more, and it is logged in: the session is kept in `member.session`.
    pip install kurigram==2.2.26
"""

from pathlib import Path

from pyrogram import Client
from pyrogram.crypto import rsa
from pyrogram.storage import SQLiteStorage

HOST, PORT = @HOST@, @PORT@

rsa.server_public_keys[@FINGERPRINT@] = rsa.PublicKey(
    @MODULUS@,
    @EXPONENT@,
)


class Storage(SQLiteStorage):
    """Keeps a session as the library's own does, and says where the node is."""

    async def server_address(self, value=object):
        return HOST

    async def port(self, value=object):
        return PORT


# A node takes any api_id and api_hash. The library asks for number, code and name by itself.
storage = Storage("member", workdir=Path())
with Client("member", api_id=1, api_hash="any", ipv6=":" in HOST, storage_engine=storage) as app:
    app.send_message("me", "hello from Kurigram")
    print("Logged in as", app.get_me().first_name)
