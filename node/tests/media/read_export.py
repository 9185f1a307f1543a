"""Reads an export of Telegram Desktop with chatpack: for each dialog, `[who, text]` of each message.

chatpack reads the export of one chat; an account's has those in a list.
"""

import json
import sys

import chatpack

with open(sys.argv[1], encoding="utf-8") as file:
    export = json.load(file)
chats = export["chats"]["list"] if "chats" in export else [export]
parser = chatpack.TelegramParser()
print(json.dumps({
    chat["id"]: [[message.sender, message.content] for message in parser.parse_str(json.dumps(chat))]
    for chat in chats
}))
