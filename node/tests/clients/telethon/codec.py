"""Decodes each line of standard input (hexadecimal) with Telethon's classes, and prints it encoded again.

The first argument is the package: telethon, or one of its forks. First line printed: its version and layer.
"""

import importlib
import sys

package = importlib.import_module(sys.argv[1])
layer = importlib.import_module(f"{sys.argv[1]}.tl.alltlobjects").LAYER
reader = importlib.import_module(f"{sys.argv[1]}.extensions").BinaryReader

print(package.__version__, layer)
for line in sys.stdin:
    data = bytes.fromhex(line)
    try:
        with reader(data) as source:
            value = source.tgread_object()
            rest = source.read()
        print(bytes(value).hex() if not rest else f"error: {len(rest)} bytes left")
    except Exception as error:
        print("error:", type(error).__name__, str(error).splitlines()[:1])
