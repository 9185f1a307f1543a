"""Decodes each line of standard input (hexadecimal) with Pyrogram's classes, and prints it encoded again.

First line printed: its version and layer.
"""

import sys
from io import BytesIO

import pyrogram
from pyrogram import raw
from pyrogram.raw.core import TLObject

print(pyrogram.__version__, raw.all.layer)
for line in sys.stdin:
    source = BytesIO(bytes.fromhex(line))
    try:
        value = TLObject.read(source)
        rest = source.read()
        print(value.write().hex() if not rest else f"error: {len(rest)} bytes left")
    except Exception as error:
        print("error:", type(error).__name__, str(error).splitlines()[:1])
