# `os` whose random bytes come from the seed.
import sim_config as cfg
import uos

_state = cfg.seed * 2654435761 % 4294967291 + 1


def urandom(n):
    global _state
    out = bytearray(n)
    x = _state
    for i in range(n):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        out[i] = x & 255
    _state = x
    return bytes(out)


class Os:
    def __init__(self):
        for name in dir(uos):
            if name != "__class__":
                setattr(self, name, getattr(uos, name))
        self.urandom = urandom
