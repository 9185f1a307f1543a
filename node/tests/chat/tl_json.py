"""TL objects of Telethon and Pyrogram as JSON, both ways: the two name their types and fields as TL does.

An object is `{"_": "InputPeerUser", ...}` with its fields, bytes are `{"hex": "..."}`, dates are unix seconds. On the
way in, `{"peer": ID}` and `{"user": ID}` stand for what the library knows of an account, `"self"` for one's own, and
`{"channel": ID}` for what it knows of a channel: the number that is shown for it, below -10^12.
"""

import datetime


def to_json(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    if isinstance(value, (list, tuple)):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {str(key): to_json(one) for key, one in value.items()}
    names = getattr(value, "__slots__", None) or getattr(value, "__dict__", {})
    fields = {name: to_json(getattr(value, name)) for name in names if not name.startswith("_")}
    return {"_": type(value).__name__, **fields}


async def from_json(value, types, peer, user, channel):
    """`types` finds a constructor by its name, the others what stands for an account or a channel."""
    if isinstance(value, list):
        return [await from_json(one, types, peer, user, channel) for one in value]
    if not isinstance(value, dict):
        return value
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "peer" in value and "_" not in value:
        return await peer(value["peer"])
    if "user" in value and "_" not in value:
        return await user(value["user"])
    if "channel" in value and "_" not in value:
        return await channel(value["channel"])
    fields = {name: await from_json(one, types, peer, user, channel) for name, one in value.items() if name != "_"}
    return types(value["_"])(**fields)
