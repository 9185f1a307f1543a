"""Telegram Desktop logs in by its QR code to the account of a Telethon user, and shows what that account has set.

The code on the screen is read from a picture (zxing-cpp) and accepted by Telethon. The password of two-step
verification is asked for, a folder made by Telethon is shown and used, a word is found in an old message, and the
login is ended from the other device: the window is back at its first screen.
"""

import base64
import time

import window
import zxingcpp
from companion import SOON_S, Telethon
from window import CHATS, TALK

PASSWORD = "seven grey doves"
HINT = "usual"  # of "the usual", which the driver gives
SCREEN = 1000, 760
# Folders make the window wider: they stand left of the chats, pale on a dark ground.
FOLDERS = "76x573+80+122", "45%"
FOLDER_CHATS = "273x573+156+122", "75%"
SEARCH = 300, 93


def login_token(screen):
    """The token in the QR code that the window shows."""
    end = time.monotonic() + SOON_S
    while True:
        picture = screen.take("2-qr-code")
        grey = screen.tool("convert", str(picture), "-colorspace", "Gray", "-depth", "8", "gray:-")
        for found in zxingcpp.read_barcodes(memoryview(grey).cast("B", (SCREEN[1], SCREEN[0]))):
            link, _, token = found.text.partition("?token=")
            if link == "tg://login":
                return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        assert time.monotonic() < end, "no QR code that can be read"
        time.sleep(0.5)


def account(args, screen):
    with Telethon(args, screen.directory) as telethon:
        assert telethon.do("login", phone=args.owner, code=args.owner_code, first_name="Thea")["signed_up"]
        telethon.do("set_password", new=PASSWORD)
        for text in ["The lighthouse is painted red", "Buy some rope", "Tar for the boat"]:
            telethon.do("send", to="self", text=text)

        # By the code on the screen, with the second factor.
        screen.to_qr_code(args.program)
        token = login_token(screen)
        telethon.do("invoke", method="auth.AcceptLoginToken", fields={"token": {"hex": token.hex()}})
        screen.wait_for("3-password", "password", HINT)
        screen.type("wrong")
        screen.key("Return")
        screen.wait_for("4-wrong-password", "entered", "wrong")
        screen.key("ctrl+a")
        screen.type(PASSWORD)
        screen.key("Return")
        screen.wait_for("5-chats", "saved", "messages", part=CHATS)

        # A folder that the other device makes stands beside the list, and shows what is in it.
        folder = {
            "_": "DialogFilter", "id": 2, "title": {"_": "TextWithEntities", "text": "Harbour", "entities": []},
            "pinned_peers": [{"peer": "self"}], "include_peers": [], "exclude_peers": [],
        }
        telethon.do("invoke", method="messages.UpdateDialogFilter", fields={"id": 2, "filter": folder})
        (place,), _ = screen.wait_for("6-folder", "harbour", part=FOLDERS)
        screen.click(place)
        screen.wait_for("7-in-the-folder", "saved", without=["rookery"], part=FOLDER_CHATS)

        # An old message is found by a word of it.
        screen.key("Escape")
        screen.click(SEARCH)
        screen.type("lighthouse")
        (*_, place), _ = screen.wait_for("8-found", "found", "painted", part=FOLDER_CHATS)
        screen.click(place)
        screen.wait_for("9-opened", "lighthouse", "rope", part=TALK)

        # The other device ends this login.
        sessions = telethon.do("invoke", method="account.GetAuthorizations", fields={})["result"]["authorizations"]
        (other,) = [one for one in sessions if not one["current"]]
        telethon.do("invoke", method="account.ResetAuthorization", fields={"hash": other["hash"]})
        _, text = screen.wait_for("10-logged-out", "start", "messaging")
    return text


window.run(
    account, within_s=300, owner="number of the account", owner_code="and its code",
    telethon="a Python interpreter that has Telethon")
