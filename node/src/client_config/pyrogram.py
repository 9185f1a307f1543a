"""Logs a member of a Rookery node in with Pyrogram, and writes a word to Saved messages.

Run it once more, and it is logged in: the session is kept in `member.session`.
    pip install pyrogram==2.0.106
"""

from pyrogram import Client
from pyrogram.crypto import rsa
from pyrogram.session.internals import DataCenter

HOST, PORT = @HOST@, @PORT@

rsa.server_public_keys[@FINGERPRINT@] = rsa.PublicKey(
    @MODULUS@,
    @EXPONENT@,
)
# The library's table of addresses is code.
DataCenter.__new__ = lambda *_, **__: (HOST, PORT)

# A node takes any api_id and api_hash. The library asks for number, code and name by itself.
with Client("member", api_id=1, api_hash="any", ipv6=":" in HOST) as app:
    app.send_message("me", "hello from Pyrogram")
    print("Logged in as", app.get_me().first_name)
