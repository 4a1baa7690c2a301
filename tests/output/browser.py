"""Chromium without a window, driven through a pair of pipes: no port, no driver, no package.

RWE_CHROMIUM names the program; where it is not set the usual names are looked for.
"""

import fcntl
import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
INCH = 96


def find():
    return os.environ.get("RWE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def high(end):
    """The same end of a pipe beyond 3 and 4, which are about to be other ones."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return moved


class Browser:
    """One page.  It is told what to do by numbered messages, and answers between its own events."""

    def __init__(self, program, folder):
        orders_out, self.orders = map(high, os.pipe())
        self.answers, answers_in = map(high, os.pipe())
        # bash puts the two pipes where Chromium looks for them
        command = ["bash", "-c", f'exec "$@" 3<&{orders_out} 4>&{answers_in}', "-", program, *QUIET]
        self.process = subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(orders_out, answers_in), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(orders_out)
        os.close(answers_in)
        self.sent, self.rest, self.session, self.events = 0, b"", None, []
        try:
            self.attach()
        except (AssertionError, OSError) as error:
            self.close()
            raise AssertionError(f"{program} does not start") from error

    def attach(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        self.sent += 1
        order = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        while True:
            message = self.read()
            if message.get("id") == self.sent:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    def read(self):
        while b"\0" not in self.rest:
            piece = os.read(self.answers, 1 << 16)
            assert piece, "Chromium has ended"
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def wait(self, name):
        while not any(e["method"] == name for e in self.events):
            self.events.append(self.read())

    def open(self, path, *, width, height=900, phone=False, media="screen"):
        """`width` in CSS pixels; a phone's page keeps to its viewport instruction."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.ask("Emulation.setEmulatedMedia", media=media)
        self.events.clear()
        self.ask("Page.navigate", url=Path(path).as_uri())
        self.wait("Page.loadEventFired")

    def run(self, script):
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press_tab(self):
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)

    def requests(self):
        return [
            e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"
        ]

    def spoken(self):
        """Role and name of each part that a screen reader meets."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [
            (n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")
        ]

    def pdf(self):
        return b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def close(self):
        os.close(self.orders)
        self.process.terminate()
        self.process.wait(timeout=30)
        os.close(self.answers)
