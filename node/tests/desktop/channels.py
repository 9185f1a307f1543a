"""Telegram Desktop in a supergroup and in a channel of a Telethon user: it reads and writes, is made an admin, is
banned, and comes back by an invite link."""

import os
import time

import window
from companion import SOON_S, Telethon
from window import CHATS, TALK

# Channels are shown as this less their number, by all the libraries.
CHANNELS = -1_000_000_000_000
# The bar at the bottom of a chat in which one may not write, or is not.
BAR = "540x60+380+636", "75%"


def signed(post):
    """The line of a post, with who wrote it in pale letters."""
    _, y = post
    return f"400x28+400+{y - 9}", "80%"


def below(post):
    """What stands below a post."""
    _, y = post
    return f"260x34+400+{y + 23}", "75%"


def until(what, ask, wanted):
    end = time.monotonic() + SOON_S
    while (found := ask()) != wanted:
        assert time.monotonic() < end, f"{what}: {found}, and not {wanted}"
        time.sleep(0.2)


def channels(args, screen):
    with Telethon(args, screen.directory) as telethon:
        def invoke(method, **fields):
            return telethon.do("invoke", method=method, fields=fields)["result"]

        def make(title, **kind):
            made = invoke("channels.CreateChannel", title=title, about="", **kind)
            (chat,) = made["chats"]
            return CHANNELS - chat["id"]

        assert telethon.do("login", phone=args.owner, code=args.owner_code, first_name="Thea")["signed_up"]
        screen.sign_up(args)
        dora = telethon.do("find", phone=args.phone)["user_id"]

        # A supergroup in which both write.
        crew = make("Crew", megagroup=True)
        channel = {"channel": crew}
        invoke("channels.InviteToChannel", channel=channel, users=[{"user": dora}])
        telethon.do("send", to=crew, text="Welcome aboard")
        (_, place), _ = screen.wait_for("7-invited", "crew", "welcome", part=CHATS)
        screen.click(place)
        screen.wait_for("8-group", "welcome", "aboard", part=TALK)
        screen.type("Lovely ship")
        screen.key("Return")
        telethon.expect(event="message", peer=crew, out=False, text="Lovely ship")

        # Made an admin: she may take away what others have written.
        rights = {"_": "ChatAdminRights", "ban_users": True, "delete_messages": True, "change_info": True}
        invoke("channels.EditAdmin", channel=channel, user_id={"user": dora}, admin_rights=rights, rank="Boatswain")
        place, _ = screen.wait_until_still("8-group", "welcome", "aboard", part=TALK)
        screen.click(place, button=3)
        place, _ = screen.wait_until_still("9-menu", "delete", "forward")
        screen.click(place)
        screen.wait_for("10-delete", "want", "cancel", "delete")
        screen.key("Return")
        screen.wait_for("11-deleted", "lovely", without=["welcome", "cancel"], part=TALK)
        log = invoke("channels.GetAdminLog", channel=channel, q="", max_id=0, min_id=0, limit=10)
        kinds = [event["action"]["_"].removeprefix("ChannelAdminLogEventAction") for event in log["events"][:2]]
        assert kinds == ["DeleteMessage", "ParticipantToggleAdmin"], log

        # Banned: the group is gone from her list.
        ban = {"_": "ChatBannedRights", "view_messages": True, "until_date": 0}
        invoke("channels.EditBanned", channel=channel, participant={"peer": dora}, banned_rights=ban)
        telethon.do("send", to=dora, text="Sorry about that")
        screen.wait_for("12-banned", "sorry", without=["crew"], part=CHATS)

        # Let off, she comes back by a link.
        free = {"_": "ChatBannedRights", "until_date": 0}
        invoke("channels.EditBanned", channel=channel, participant={"peer": dora}, banned_rights=free)
        link = invoke("messages.ExportChatInvite", peer={"peer": crew})["link"]
        url = "tg://join?invite=" + link.rsplit("+", 1)[1]
        text = "Harbour gangway: this way"
        entity = {"_": "MessageEntityTextUrl", "offset": text.index("this"), "length": len("this way"), "url": url}
        invoke("messages.SendMessage", peer={"peer": dora}, message=text, entities=[entity],
               random_id=int.from_bytes(os.urandom(7), "big"))
        (place, *_), _ = screen.wait_for("13-link", "harbour", part=CHATS)
        screen.click(place)
        # The link itself is too pale for OCR beside the wallpaper.
        _, (x, y) = screen.wait_until_still("14-chat", "harbour", "gangway", part=TALK)
        screen.click((x + 60, y))
        place, _, _ = screen.wait_until_still("15-invite", "join", "group", "cancel")
        screen.click(place)

        def is_in():
            found = invoke("channels.GetParticipants", channel=channel, filter={"_": "ChannelParticipantsRecent"},
                           offset=0, limit=10, hash=0)
            return dora in [one["user_id"] for one in found["participants"]]

        until("that she is back", is_in, True)
        screen.wait_for("16-back", "crew", part=CHATS)

        # A channel, in which she reads.
        news = make("Gazette", broadcast=True)
        talk = make("Talk", megagroup=True)
        invoke("channels.SetDiscussionGroup", broadcast={"channel": news}, group={"channel": talk})
        invoke("channels.InviteToChannel", channel={"channel": news}, users=[{"user": dora}])
        invoke("channels.ToggleSignatures", channel={"channel": news}, signatures_enabled=True)
        telethon.do("send", to=news, text="Wind from the west")
        (place, *_), _ = screen.wait_for("17-news", "gazette", part=CHATS)
        screen.click(place)
        # The post is not always the lowest of what the program shows.
        post, _ = screen.wait_until_still("18-post", "wind", "west", part=TALK)
        screen.wait_for("18-post", "west", "thea", part=signed(post))
        screen.wait_for("18-post", "mute", part=BAR)

        # She comments, without being in the group in which posts are discussed.
        place, _ = screen.wait_until_still("19-to-comment", "leave", "comment", part=below(post))
        screen.click(place)
        screen.wait_for("20-comments", "wind", "west", part=TALK)
        screen.type("Breezy today")
        screen.key("Return")
        telethon.expect(event="message", peer=talk, out=False, text="Breezy today")
        screen.wait_for("21-commented", "breezy", "today", part=TALK)
        return "all seen"


window.run(
    channels, within_s=300, code="the code of its invite", owner="number of the other account",
    owner_code="and its code", telethon="a Python interpreter that has Telethon")
