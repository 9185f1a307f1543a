"""Drives Telegram Desktop (Debian's package) in a real window up to the field for the login code.

The three server keys and the DC addresses compiled into it are replaced, in a temporary copy, by the node's
key and 127.0.0.1: the node listens there on port 443. Run it only where nothing can leave.

What is on the screen is read by OCR: it tells when to go on, and where to click. One picture a screen is
left in --pictures. Needs telegram-desktop, xvfb, openbox, xdotool, imagemagick, tesseract-ocr.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

PROGRAM = "/usr/bin/telegram-desktop"
KEY = re.compile(rb"-----BEGIN RSA PUBLIC KEY-----.*?-----END RSA PUBLIC KEY-----", re.DOTALL)
# As NUL-terminated strings; the longest is 15 bytes.
ADDRESS = re.compile(rb"(?<=\0)(?:149\.154|91\.108|95\.161)\.\d{1,3}\.\d{1,3}(?=\0)")
SCREEN_WITHIN_S = 60


def patched_copy(pem, directory):
    program = pathlib.Path(PROGRAM).read_bytes()
    ours = pathlib.Path(pem).read_bytes().strip()
    keys = [key for key in KEY.findall(program) if len(key) == len(ours)]
    program = KEY.sub(lambda key: ours if len(key[0]) == len(ours) else key[0], program)
    program, addresses = ADDRESS.subn(lambda address: b"127.0.0.1".ljust(len(address[0]), b"\0"), program)
    assert len(keys) == 3 and addresses >= 8, f"{len(keys)} keys and {addresses} addresses: another release?"
    copy = directory / "telegram-desktop"
    copy.write_bytes(program)
    copy.chmod(0o700)
    return copy


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
        self.start(["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x760x24", "-nolisten", "tcp", "-noreset"], pass_fds=[write])
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
            command, env=self.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.processes.append(process)
        return process

    def tool(self, *command):
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def read(self, name):
        """Takes a picture and returns its words with the place of each: (word, x, y) from left above."""
        picture = self.pictures / f"{name}.png"
        self.tool("import", "-window", "root", str(picture))
        # OCR expects larger letters than a screen has, and loses pale ones beside a picture.
        large = self.directory / "large.png"
        shutil.copy(picture, large)
        self.tool("mogrify", "-resize", "200%", "-colorspace", "Gray", "-threshold", "75%", str(large))
        words = []
        for line in self.tool("tesseract", str(large), "-", "--psm", "3", "tsv").decode().splitlines()[1:]:
            columns = line.split("\t")
            if len(columns) == 12 and columns[11].strip():
                left, top, width, height = (int(column) for column in columns[6:10])
                words.append((columns[11].strip(), (left + width // 2) // 2, (top + height // 2) // 2))
        return words

    def wait_for(self, name, *wanted):
        """Reads the screen until it has all of `wanted` (lower case); returns their places."""
        end = time.monotonic() + SCREEN_WITHIN_S
        while True:
            words = self.read(name)
            text = [word.lower() for word, _, _ in words]
            places = [next((words[i][1:] for i, word in enumerate(text) if part in word), None) for part in wanted]
            if all(places):
                return places, " ".join(word for word, _, _ in words)
            if time.monotonic() > end:
                raise RuntimeError(f"no {wanted} on the screen {name}: {' '.join(text)!r}")
            if any(process.poll() is not None for process in self.processes):
                raise RuntimeError(f"the program ended at the screen {name}")

    def click(self, place):
        self.tool("xdotool", "mousemove", *map(str, place), "click", "1")


def drive(args, directory, pictures):
    with Screen(directory, pictures) as screen:
        program = patched_copy(args.pem, directory)
        work = directory / "work"
        work.mkdir()
        screen.start([str(program), "-many", "-workdir", f"{work}/"])
        (start, *_), _ = screen.wait_for("1-welcome", "start", "messaging")
        screen.click(start)
        (by_phone, *_), _ = screen.wait_for("2-qr-code", "using", "scan")
        screen.click(by_phone)
        screen.wait_for("3-phone-number", "confirm", "number")
        # Back from the number into the country code, which takes a whole number and splits it.
        screen.tool("xdotool", "key", *["BackSpace"] * 6)
        screen.tool("xdotool", "type", "--delay", "30", args.phone.lstrip("+"))
        screen.tool("xdotool", "key", "Return")
        _, text = screen.wait_for("4-code", "code", "received")
        return text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pem", required=True, help="the node's RSA key, PKCS#1 PEM")
    parser.add_argument("--pictures", required=True, help="directory for the pictures")
    parser.add_argument("--phone", required=True)
    args = parser.parse_args()
    pictures = pathlib.Path(args.pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        try:
            text = drive(args, directory, pictures)
        except BaseException as error:
            traceback.print_exc()
            for log in [*directory.glob("*.log"), *directory.glob("work/log.txt")]:
                print(f"--- {log.name} ---\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            print(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}), flush=True)
            sys.exit(1)
    print(json.dumps({"ok": True, "text": text}), flush=True)


main()
