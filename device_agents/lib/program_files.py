# hil: needs=
"""The files of a user's program: in RAM, and imported from there as from a file system.

Nothing is written to the flash. A file that is not among them, and one that is written, is looked
for where the board was before.
"""

import gc
import io
import os
import sys
from binascii import a2b_base64


class HilParts(io.IOBase):
    """A file that is read by the importer, without ever being whole in memory."""

    def __init__(self, parts):
        self.parts = parts
        self.number = 0
        self.at = 0

    def readinto(self, buf):
        n = 0
        while n < len(buf) and self.number < len(self.parts):
            part = self.parts[self.number]
            size = min(len(buf) - n, len(part) - self.at)
            buf[n : n + size] = part[self.at : self.at + size]
            n += size
            self.at += size
            if self.at == len(part):
                self.number += 1
                self.at = 0
        return n

    def ioctl(self, op, arg):
        return 255 if op == 11 else 0  # how much is read at once, where that is asked for


class HilFiles:
    def __init__(self, at):
        self.at = at
        self.home = os.getcwd().rstrip("/")
        self.parts = {}
        self.before = ()

    def need(self, size):
        """Raise if there is less memory than the files are likely to take."""
        gc.collect()
        free = gc.mem_free()
        if free < size:
            raise ValueError("hil:free %d" % free)

    def takes(self, version, flags):
        """Raise if it takes no compiled file of this format; an ARM runs what lesser ones do."""
        own = getattr(sys.implementation, "_mpy", 0)
        arch = flags >> 2 & 15
        of_board = own >> 10 & 15
        if version == own & 255 and (
            not arch
            or (flags ^ own >> 8) & 3 == 0
            and (arch == of_board or 4 <= arch <= of_board <= 8)
        ):
            return
        raise ValueError("hil:mpy %d" % own)

    def add(self, path, text):
        """Append to a file."""
        if path not in self.parts:
            self.parts[path] = []
        self.parts[path].append(a2b_base64(text))

    def begin(self):
        """Be a file system, where imports look first; returns what ends that."""
        self.before = (list(sys.path), set(sys.modules))
        os.mount(self, self.at)
        os.chdir(self.at)
        sys.path[:0] = [self.at, self.at + "/lib"]
        return self.end

    def end(self):
        """Leave the board as it was."""
        path, modules = self.before
        os.chdir(self.home or "/")
        os.umount(self.at)
        sys.path[:] = path
        for name in list(sys.modules):
            if name not in modules:
                sys.modules.pop(name)

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def chdir(self, path):
        pass

    def getcwd(self):
        return "/"

    def is_folder(self, key):
        return not key or any(path.startswith(key + "/") for path in self.parts)

    def stat(self, path):
        key = path.strip("/")
        if key in self.parts:
            return (0x8000, 0, 0, 0, 0, 0, sum([len(part) for part in self.parts[key]]), 0, 0, 0)
        if self.is_folder(key):
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return os.stat(self.home + "/" + key)

    def open(self, path, mode):
        key = path.strip("/")
        if key not in self.parts or mode[:1] != "r" or "+" in mode:
            return open(self.home + "/" + key, mode)
        if "b" in mode and key[-3:] in (".py", "mpy"):
            return HilParts(self.parts[key])
        data = b"".join(self.parts[key])
        return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode())

    def ilistdir(self, path):
        key = path.strip("/")
        start = key + "/" if key else ""
        seen = {}
        for name in self.parts:
            if name.startswith(start):
                head, _, rest = name[len(start) :].partition("/")
                seen[head] = 0x4000 if rest else 0x8000
        return iter([(name, seen[name], 0, 0) for name in seen])
