"""Components for Storm's multilang protocol, under the names that Storm's own module has.

Put a class beside this and run it:

    import storm

    class Split(storm.BasicBolt):
        def process(self, tup):
            for word in tup.values[0].split():
                storm.emit([word])

    Split().run()
"""

import json
import os
import sys
import traceback
from collections import deque

_commands = deque()
_task_ids = deque()
_anchor = None
_emit_as_spout = False


def _read_line():
    line = sys.stdin.readline()
    if not line:
        # The parent is gone.
        os._exit(0)
    return line[:-1]


def readMsg():
    lines = []
    while True:
        line = _read_line()
        if line == "end":
            return json.loads("\n".join(lines))
        lines.append(line)


def readTaskIds():
    while not _task_ids:
        message = readMsg()
        (_task_ids if isinstance(message, list) else _commands).append(message)
    return _task_ids.popleft()


def readCommand():
    while not _commands:
        message = readMsg()
        (_task_ids if isinstance(message, list) else _commands).append(message)
    return _commands.popleft()


def readTuple():
    command = readCommand()
    return Tuple(command["id"], command["comp"], command["stream"], command["task"],
                 command["tuple"])


def sendMsgToParent(message):
    sys.stdout.write(json.dumps(message) + "\nend\n")
    sys.stdout.flush()


def sync():
    sendMsgToParent({"command": "sync"})


def sendpid(folder):
    pid = os.getpid()
    sendMsgToParent({"pid": pid})
    open(os.path.join(folder, str(pid)), "w").close()


def initComponent():
    setup = readMsg()
    sendpid(setup["pidDir"])
    return setup["conf"], setup["context"]


def _emit(tup, stream, anchors, task, identity, need_task_ids):
    message = {"command": "emit", "tuple": list(tup)}
    if not _emit_as_spout:
        if _anchor is not None:
            anchors = [_anchor]
        message["anchors"] = [anchor.id for anchor in anchors]
    if identity is not None:
        message["id"] = identity
    if stream is not None:
        message["stream"] = stream
    if task is not None:
        message["task"] = task
    # Nobody waits for what nobody asked for.
    message["need_task_ids"] = need_task_ids
    sendMsgToParent(message)
    return readTaskIds() if need_task_ids else []


def emit(tup, stream=None, anchors=(), id=None, need_task_ids=False):
    return _emit(tup, stream, anchors, None, id, need_task_ids)


def emitDirect(task, tup, stream=None, anchors=(), id=None):
    _emit(tup, stream, anchors, task, id, False)


def ack(tup):
    sendMsgToParent({"command": "ack", "id": tup.id})


def fail(tup):
    sendMsgToParent({"command": "fail", "id": tup.id})


def reportError(message):
    sendMsgToParent({"command": "error", "msg": message})


def log(message, level=2):
    sendMsgToParent({"command": "log", "msg": message, "level": level})


def logTrace(message):
    log(message, 0)


def logDebug(message):
    log(message, 1)


def logInfo(message):
    log(message, 2)


def logWarn(message):
    log(message, 3)


def logError(message):
    log(message, 4)


def rpcMetrics(name, params):
    sendMsgToParent({"command": "metrics", "name": name, "params": params})


class Tuple(object):
    def __init__(self, id, component, stream, task, values):
        self.id = id
        self.component = component
        self.stream = stream
        self.task = task
        self.values = values

    def is_heartbeat_tuple(self):
        return self.task == -1 and self.stream == "__heartbeat"

    def is_tick_tuple(self):
        return self.component == "__system" and self.stream == "__tick"

    def __repr__(self):
        return "<Tuple id=%s component=%s stream=%s task=%s values=%s>" % (
            self.id, self.component, self.stream, self.task, self.values)


class Bolt(object):
    """Acks and fails by itself."""

    def initialize(self, stormconf, context):
        pass

    def process(self, tup):
        pass

    def run(self):
        try:
            self.initialize(*initComponent())
            while True:
                tup = readTuple()
                if tup.is_heartbeat_tuple():
                    sync()
                else:
                    self.process(tup)
        except Exception:
            reportError(traceback.format_exc())
            raise


class BasicBolt(object):
    """What it emits is anchored to the tuple in hand, which is acked behind it, or failed after an
    exception."""

    def initialize(self, stormconf, context):
        pass

    def process(self, tup):
        pass

    def run(self):
        global _anchor
        self.initialize(*initComponent())
        while True:
            tup = readTuple()
            if tup.is_heartbeat_tuple():
                sync()
                continue
            _anchor = tup
            try:
                self.process(tup)
                ack(tup)
            except Exception:
                reportError(traceback.format_exc())
                fail(tup)
            finally:
                _anchor = None


class Spout(object):
    def initialize(self, conf, context):
        pass

    def activate(self):
        pass

    def deactivate(self):
        pass

    def ack(self, id):
        pass

    def fail(self, id):
        pass

    def nextTuple(self):
        pass

    def run(self):
        global _emit_as_spout
        _emit_as_spout = True
        try:
            self.initialize(*initComponent())
            while True:
                message = readCommand()
                command = message["command"]
                if command == "next":
                    self.nextTuple()
                elif command == "ack":
                    self.ack(message["id"])
                elif command == "fail":
                    self.fail(message["id"])
                elif command == "activate":
                    self.activate()
                elif command == "deactivate":
                    self.deactivate()
                sync()
        except Exception:
            reportError(traceback.format_exc())
            raise
