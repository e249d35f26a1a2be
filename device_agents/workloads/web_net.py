"""Where the web load listens: loopback on the embedded board, else the board's Wi-Fi address."""

import socket
import time

from lib.pins import Pin


def web_host(job):
    """The address to listen on; joins the network of cfg["wifi"], two strings in hex.

    A network that was joined here is left at the end of the job.
    """
    if Pin is not None:
        import machine

        if hasattr(machine, "SIM"):
            return "127.0.0.1"
    import network

    wlan = network.WLAN(getattr(network, "STA_IF", 0))
    wlan.active(True)
    if not wlan.isconnected():
        import binascii

        wifi = job.cfg.get("wifi")
        if not wifi:
            raise OSError("not in a network: describe one in wifi.toml")
        job.at_exit(lambda: wlan.active(False))
        job.at_exit(wlan.disconnect)
        wlan.connect(*[binascii.unhexlify(text).decode() for text in wifi])
        end = time.ticks_add(time.ticks_ms(), 15000)
        while not wlan.isconnected():
            if time.ticks_diff(end, time.ticks_ms()) < 0:
                raise OSError("no Wi-Fi connection in 15 s")
            time.sleep_ms(100)
    return wlan.ifconfig()[0]


def web_port(job):
    """A port number to try: another number every time, below those that clients are given."""
    return 20000 + time.ticks_us() % 12000


def web_free_port(job, host):
    """A port number that nobody listened on a moment ago, for a server that tries only one."""
    for _ in range(20):
        port = web_port(job)
        sock = socket.socket()
        try:
            sock.bind(socket.getaddrinfo(host, port)[0][-1])
            return port
        except OSError:
            pass
        finally:
            sock.close()
    raise OSError("no free port to listen on")
