"""Telegram Desktop signs up with an invite and talks with a Telethon user.

Each step is asserted twice: by what the window shows, and by what Telethon's driver (`../chat/telethon_driver.py`,
a process of its own) was sent. Once it prints `{"do": "restart"}` and waits for a line: the caller kills the node
and starts it again in between.
"""

import json
import sys
import time

import window
from companion import SOON_S, Telethon
from window import CHATS, TALK, WRITING

# The mark beside a message of one's own stands here, right of its time; nothing else there is as green, not even the
# clock that stands for it while the message is under way.
TICKS_LEFT, TICKS_WIDTH = 868, 32


def ticks(screen, name, word):
    """How much of the read mark there is beside the last line of a message, which holds `word`."""
    ((_, y),), _ = screen.wait_for(name, word, part=TALK)
    area = f"{TICKS_WIDTH}x24+{TICKS_LEFT}+{y - 6}"
    picture = str(screen.pictures / f"{name}.png")
    pixels = screen.tool("convert", picture, "-crop", area, "+repage", "-depth", "8", "rgb:-")
    return sum(green > red + 60 for red, green in zip(pixels[::3], pixels[1::3]))


def talk(args, screen):
    with Telethon(args, screen.directory) as telethon:
        assert telethon.do("login", phone=args.owner, code=args.owner_code, first_name="Thea")["signed_up"]
        screen.sign_up(args)
        dora = telethon.do("find", phone=args.phone)["user_id"]

        # A message comes in; opening the chat reads it.
        first = telethon.do("send", to=dora, text="Good morning from Telethon")["msg_id"]
        (_, place), _ = screen.wait_for("7-message-in", "thea", "morning", part=CHATS)
        screen.click(place)
        telethon.expect(event="read_outbox", peer=dora, max_id=first)
        screen.wait_for("8-chat", "good", "morning", part=TALK)

        # The answer; it gets a second tick when it is read.
        screen.type("Lovely weather over here")
        screen.key("Return")
        telethon.expect(event="typing", user=dora)
        answer = telethon.expect(event="message", peer=dora, out=False, text="Lovely weather over here")["id"]
        screen.wait_for("9-sent", "lovely", "weather", part=TALK)
        end = time.monotonic() + SOON_S
        while not (one := ticks(screen, "9-sent", "weather")):
            assert time.monotonic() < end, "no tick"
        telethon.do("read", peer=dora, max_id=answer)
        while (now := ticks(screen, "10-read", "weather")) < 1.4 * one:
            assert time.monotonic() < end, f"ticks of {one} pixels, and of {now} when read"

        # A reply.
        question = telethon.do("send", to=dora, text="Which harbour should we choose")["msg_id"]
        telethon.expect(event="read_outbox", peer=dora, max_id=question)
        screen.wait_for("11-question", "harbour", part=TALK)
        screen.key("ctrl+Up")
        screen.wait_for("12-reply", "thea", "harbour", part=WRITING)
        screen.type("Take the northern one")
        screen.key("Return")
        reply = telethon.expect(event="message", peer=dora, text="Take the northern one", reply_to=question)["id"]
        screen.wait_for("13-replied", "harbour", "harbour", "northern", part=TALK)

        # An edit of the own last message.
        screen.key("Up")
        screen.wait_for("14-edit", "edit", "northern", part=WRITING)
        screen.key("ctrl+a")
        screen.type("Take the southern one")
        screen.key("Return")
        telethon.expect(event="edited", id=reply, text="Take the southern one", edited=True, reply_to=question)
        screen.wait_for("15-edited", "southern", without=["northern"], part=TALK)

        # A deletion for both.
        place, _ = screen.wait_until_still("15-edited", "lovely", "weather", part=TALK)
        screen.click(place, button=3)
        entry, _ = screen.wait_until_still("16-menu", "delete", "forward")
        screen.click(entry)
        screen.wait_for("17-delete", "want", "also", "cancel")
        screen.key("Return")
        telethon.expect(event="deleted", ids=[answer])
        screen.wait_for("18-deleted", "harbour", "southern", without=["lovely", "weather", "delete"], part=TALK)
        screen.rest()

        # The other side edits and deletes.
        telethon.do("edit", to=dora, msg_id=first, text="Good evening from Telethon")
        screen.wait_for("19-edited-there", "evening", "harbour", without=["morning"], part=TALK)
        gone = telethon.do("send", to=dora, text="Forget about breakfast")["msg_id"]
        screen.wait_for("20-to-be-deleted", "breakfast", part=TALK)
        telethon.do("delete", to=dora, msg_ids=[gone])
        screen.wait_for("21-deleted-there", "evening", "southern", without=["breakfast"], part=TALK)

        # The node is killed; the window goes on without a new login.
        print(json.dumps({"do": "restart"}), flush=True)
        assert sys.stdin.readline(), "the node was not started again"
        again = telethon.do("send", to=dora, text="Welcome back from the restart")["msg_id"]
        screen.wait_for("22-after-restart", "evening", "restart", part=TALK)
        telethon.expect(event="read_outbox", peer=dora, max_id=again)
        screen.type("Nothing was lost")
        screen.key("Return")
        last = telethon.expect(event="message", peer=dora, out=False, text="Nothing was lost")["id"]
        telethon.do("read", peer=dora, max_id=last)
        end = time.monotonic() + SOON_S
        while (now := ticks(screen, "23-goes-on", "nothing")) < 1.4 * one:
            assert time.monotonic() < end, f"ticks of {one} pixels, and of {now} when read after the restart"
        texts = [message["text"] for message in telethon.do("history", peer=dora, limit=20)["messages"]]
    return texts


window.run(
    talk, within_s=300, code="the code of its invite", owner="number of the other account", owner_code="and its code",
    telethon="a Python interpreter that has Telethon")
