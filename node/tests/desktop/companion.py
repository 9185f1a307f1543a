"""Another client beside the window: Telethon, driven by `../chat/telethon_driver.py`, a process of its own."""

import json
import pathlib
import queue
import subprocess
import threading
import time

DRIVER = pathlib.Path(__file__).parent.parent / "chat" / "telethon_driver.py"
SOON_S = 30
READY_S = 90


class Telethon:
    """A running driver; ends with the `with` block."""

    def __init__(self, args, directory):
        session = directory / "telethon"
        session.mkdir()
        self.log = open(directory / "telethon.log", "wb")
        self.process = subprocess.Popen(
            [args.telethon, DRIVER, "--client", "telethon", "--port", "443", "--pem", args.pem, "--session", session],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)
        self.lines = queue.Queue(10_000)
        self.events = []
        self.commands = 0
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def __enter__(self):
        self.expect(READY_S, event="ready")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def expect(self, within_s=SOON_S, **wanted):
        """Waits for a line with all these fields, and takes it."""
        end = time.monotonic() + within_s
        while True:
            for event in self.events:
                if all(event.get(name) == value for name, value in wanted.items()):
                    self.events.remove(event)
                    return event
            try:
                self.events.append(self.lines.get(timeout=max(end - time.monotonic(), 0.01)))
            except queue.Empty:
                raise RuntimeError(f"Telethon was not told {wanted}; only {self.events}") from None

    def do(self, name, **fields):
        self.commands += 1
        self.process.stdin.write(json.dumps({"id": self.commands, "do": name, **fields}) + "\n")
        answer = self.expect(id=self.commands, event=None)
        assert answer["ok"], f"{name}: {answer}"
        return answer
