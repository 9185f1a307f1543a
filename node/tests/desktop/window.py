"""Telegram Desktop (Debian's package) in a real window on a virtual display, for the scripts beside this one.

It runs from a copy that trusts the node and knows its address (`rookery client-config --repoint`): the node listens
on 127.0.0.1:443. Run it only where nothing can leave.

What is on the screen is read by OCR: it tells when to go on, and where to click. One picture a step is
left in --pictures. Needs telegram-desktop, xvfb, openbox, xdotool, imagemagick, tesseract-ocr.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SCREEN_WITHIN_S = 60
# Part of the screen, and below which brightness a pixel counts as ink there. The window opens in the middle, 840 x 630.
# OCR loses pale letters beside a picture, and finds letters in the chat's wallpaper: that is darker than pale letters.
WHOLE = "1000x760+0+0", "75%"
CHATS = "300x573+80+122", "75%"
TALK = "540x570+380+125", "50%"
WRITING = "540x110+380+585", "75%"
# tesseract's page segmentation: paragraphs, and single words wherever they are. Each misses words that the other has;
# which, changes with a digit of a number beside them.
PARAGRAPHS, SCATTERED = "3", "11"


class Screen:
    """A virtual display, and the program in it; everything ends with the `with` block."""

    def __init__(self, directory, pictures):
        self.directory, self.pictures = directory, pictures
        self.processes = []
        self.environment = {
            **os.environ, "HOME": str(directory), "XDG_RUNTIME_DIR": str(directory), "QT_QPA_PLATFORM": "xcb",
            "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}

    def __enter__(self):
        read, write = os.pipe()
        screen = ["-screen", "0", "1000x760x24", "-nolisten", "tcp", "-noreset"]
        self.start(["Xvfb", "-displayfd", str(write), *screen], pass_fds=[write])
        os.close(write)
        # Xvfb writes the number and the line's end apart, and ends if it cannot write the second.
        with os.fdopen(read) as number:
            self.environment["DISPLAY"] = ":" + number.readline().strip()
        self.start(["openbox"])
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, command, **options):
        log = open(self.directory / f"{pathlib.Path(command[0]).name}.log", "wb")
        process = subprocess.Popen(
            command, env=self.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            **options)
        self.processes.append(process)
        return process

    def tool(self, *command):
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def take(self, name):
        picture = self.pictures / f"{name}.png"
        self.tool("import", "-window", "root", str(picture))
        return picture

    def read(self, name, part=WHOLE):
        """Takes a picture and returns the words in a part of it, each with its place: (word, x, y) from left above."""
        return self.words(self.take(name), part, PARAGRAPHS if part is WHOLE else SCATTERED)

    def words(self, picture, part, layout):
        area, ink = part
        offset_x, offset_y = (int(number) for number in area.split("+")[1:])
        large = self.directory / "large.png"
        shutil.copy(picture, large)
        # OCR expects larger letters than a screen has.
        black_and_white = ["-resize", "200%", "-colorspace", "Gray", "-threshold", ink]
        self.tool("mogrify", "-crop", area, "+repage", *black_and_white, str(large))
        words = []
        for line in self.tool("tesseract", str(large), "-", "--psm", layout, "tsv").decode().splitlines()[1:]:
            columns = line.split("\t")
            if len(columns) == 12 and columns[11].strip():
                left, top, width, height = (int(column) for column in columns[6:10])
                x, y = (left + width // 2) // 2 + offset_x, (top + height // 2) // 2 + offset_y
                words.append((columns[11].strip(), x, y))
        return words

    def wait_for(self, name, *wanted, without=(), part=WHOLE):
        """Reads the screen until it has all of `wanted` and none of `without` (lower case).

        Returns the places of `wanted`, and all words. What is wanted twice has to be there twice. One way of reading
        has to find all; what is not wanted must not be there in any of those that were tried.
        """
        end = time.monotonic() + SCREEN_WITHIN_S
        layouts = [PARAGRAPHS, SCATTERED] if part is WHOLE else [SCATTERED, PARAGRAPHS]
        while True:
            picture = self.take(name)
            left = set()
            for layout in layouts:
                words = self.words(picture, part, layout)
                text = [word.lower() for word, _, _ in words]
                found = []
                for one in wanted:
                    found.append(next((i for i, word in enumerate(text) if one in word and i not in found), None))
                places = [i if i is None else words[i][1:] for i in found]
                left |= {one for one in without if any(one in word for word in text)}
                if all(places) and not left:
                    return places, " ".join(word for word, _, _ in words)
            if time.monotonic() > end:
                raise RuntimeError(f"no {wanted}, or still {left}, on the screen {name}: {' '.join(text)!r}")
            if any(process.poll() is not None for process in self.processes):
                raise RuntimeError(f"the program ended at the screen {name}")

    def wait_until_still(self, name, *wanted, part=WHOLE):
        """`wait_for` what is to be clicked: what moves on the screen is elsewhere by the time of the click.

        Returns the places once two pictures have them alike, to a pixel.
        """
        end = time.monotonic() + SCREEN_WITHIN_S
        before, _ = self.wait_for(name, *wanted, part=part)
        while True:
            places, _ = self.wait_for(name, *wanted, part=part)
            pairs = zip(sum(before, ()), sum(places, ()), strict=True)
            if all(abs(one - other) <= 1 for one, other in pairs):
                return places
            if time.monotonic() > end:
                raise RuntimeError(f"{wanted} do not stand still on the screen {name}: {places}")
            before = places

    def click(self, place, button=1):
        self.tool("xdotool", "mousemove", *map(str, place), "click", str(button))

    def rest(self):
        """Takes the pointer to where the chat is empty: over a message it brings up a tooltip, which hides others."""
        self.tool("xdotool", "mousemove", "640", "240", "mousemove", "650", "250")

    def key(self, *keys):
        self.tool("xdotool", "key", *keys)

    def type(self, text):
        self.tool("xdotool", "type", "--delay", "30", text)

    def to_qr_code(self, program):
        """Starts the program, up to the QR code; returns where it offers to log in by number."""
        work = self.directory / "work"
        work.mkdir()
        self.start([str(program), "-many", "-workdir", f"{work}/"])
        (start, *_), _ = self.wait_for("1-welcome", "start", "messaging")
        self.click(start)
        (by_phone, *_), _ = self.wait_for("2-qr-code", "using", "scan")
        return by_phone

    def to_code_field(self, program, phone):
        """Starts the program, and gives the number; returns what the code field's screen says."""
        by_phone = self.to_qr_code(program)
        self.click(by_phone)
        self.wait_for("3-phone-number", "confirm", "number")
        # Back from the number into the country code, which takes a whole number and splits it.
        self.key(*["BackSpace"] * 6)
        self.type(phone.lstrip("+"))
        self.key("Return")
        _, text = self.wait_for("4-code", "code", "received")
        return text

    def sign_up(self, args):
        """Starts the program, and joins by an invite as Dora Desk."""
        self.to_code_field(args.program, args.phone)
        self.type(args.code)
        self.wait_for("5-sign-up", "info", "first", "last")
        self.type("Dora")
        self.key("Tab")
        # The program insists on a last name.
        self.type("Desk")
        (_, _, (x, y)), _ = self.wait_for("5-sign-up", "dora", "desk", "last")
        # Return does nothing. The button, whose white letters OCR does not always see, is below the field for that name.
        self.click((x + 100, y + 100))
        self.wait_for("6-no-chats", "chats", "here", part=CHATS)


def run(drive, within_s, **more_arguments):
    """Runs `drive(args, screen)` and prints one line of JSON: what it returned, or why it failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pem", required=True, help="the node's RSA key, PKCS#1 PEM")
    parser.add_argument("--program", required=True, help="a copy of the program that trusts the node")
    parser.add_argument("--pictures", required=True, type=pathlib.Path, help="directory for the pictures")
    parser.add_argument("--phone", help="the number to log in with, where that is how")
    for name, text in more_arguments.items():
        parser.add_argument("--" + name.replace("_", "-"), required=True, help=text)
    args = parser.parse_args()
    args.pictures.mkdir(parents=True, exist_ok=True)

    def too_long(*_):
        raise TimeoutError(f"more than {within_s} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(within_s)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        try:
            with Screen(directory, args.pictures) as screen:
                text = drive(args, screen)
        except BaseException as error:
            traceback.print_exc()
            for log in [*directory.glob("*.log"), *directory.glob("work/log.txt")]:
                print(f"--- {log.name} ---\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            print(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}), flush=True)
            sys.exit(1)
    print(json.dumps({"ok": True, "text": text}), flush=True)
