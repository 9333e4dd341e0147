"""qmp_client.py  A QMP client: commands, errors, events."""
import json

import harness


class QMP:
    """A client as small as can be: one JSON value a line."""

    def __init__(self, path, negotiate=True):
        self.socket = harness.connect(path)
        self.file = self.socket.makefile("rb")
        self.events = []
        self.greeting = self.receive()
        if negotiate:
            harness.check_equal(self.execute("qmp_capabilities"), {}, "qmp_capabilities")

    def close(self):
        self.file.close()
        self.socket.close()

    def receive(self):
        line = self.file.readline()
        harness.check(line.endswith(b"\r\n"), f"a whole line expected, got {line!r}")
        return json.loads(line)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def reply(self):
        while True:
            message = self.receive()
            if "event" not in message:
                return message
            self.events.append(message)

    def execute(self, command, **arguments):
        self.send({"execute": command, "arguments": arguments, "id": command})
        message = self.reply()
        harness.check("return" in message, f"{command} {arguments}: {message}")
        harness.check_equal(message["id"], command, "id")
        return message["return"]

    def error(self, command, arguments, text, kind="GenericError"):
        self.send({"execute": command, "arguments": arguments})
        error = self.reply().get("error")
        harness.check_equal(error, {"class": kind, "desc": text}, f"{command} {arguments}")

    def wait_event(self, name):
        while not any(e["event"] == name for e in self.events):
            self.events.append(self.receive())
        event = next(e for e in self.events if e["event"] == name)
        self.events.remove(event)
        return event
