# hil: needs=socket
"""A small web server beside the technique, driven by the host at its own rates.

Where the technique leaves the main program to itself it is a loop with blocking sockets for the
first half of the window and asyncio for the second; in a technique's own loop it takes a turn now
and then; beside coroutines it is a coroutine. server= (loop or asyncio) chooses one of them.
"""

from lib.aio import asyncio, run_coroutines
from workloads.web_aio import WebAio
from workloads.web_loop import WebLoop
from workloads.web_net import web_free_port, web_host, web_port
from workloads.web_page import WebPage

WEB_OWN_LOOP = ("round_robin", "cooperative")  # they never call job.wait()


def web_listen(page, host):
    """A loop server on a port that is free."""
    for _ in range(20):
        port = web_port(page.job)
        try:
            return WebLoop(page, host, port), port
        except OSError:
            pass
    raise OSError("no free port to listen on")


def web_announce(job, kind, host, port, ms):
    """Tell the host where the server is, and for how long."""
    job.writer.text("W", "server=%s;host=%s;port=%d;ms=%d" % (kind, host, port, ms))


def web_main(job, page, host, loop, half_ms):
    """The main program: the loop until half_ms are left, then asyncio."""

    def wait():
        loop.patience_ms = 20
        while job.running() and job.left_ms > half_ms:
            job.idle_step()
        loop.close()
        if half_ms:
            job.busy = False
            port = web_free_port(job, host)
            web_announce(job, "asyncio", host, port, job.left_ms)
            run_coroutines(job, [WebAio(page, host, port).serve()])

    return wait


def load_start(job):
    server = job.cfg.get("server")
    page = WebPage(job)
    host = web_host(job)
    job.at_exit(lambda: job.set_counter("web_served", page.served))
    if asyncio and job.cfg["technique"].startswith(("asyncio", "aio")):
        port = web_free_port(job, host)
        job.companions.append(WebAio(page, host, port).serve)
        web_announce(job, "asyncio", host, port, job.duration_ms)
        return None
    half_ms = job.duration_ms if server == "asyncio" else job.duration_ms // 2
    if server == "loop" or not asyncio or job.cfg["technique"].startswith(WEB_OWN_LOOP):
        half_ms = 0
    loop, port = web_listen(page, host)
    job.wait = web_main(job, page, host, loop, half_ms)
    if half_ms < job.duration_ms:
        web_announce(job, "loop", host, port, job.duration_ms - half_ms)
    return loop.turn
