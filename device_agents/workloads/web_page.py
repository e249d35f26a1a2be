"""What the page of the web load controls: a pin, a servo, a timed operation; and its status."""

import time

from lib.periodic_operator import PeriodicOperator
from lib.pins import Pin, output_pin, release_pin
from lib.raw_timer import raw_timer
from lib.timers import HilTimer, NoTimer
from workloads.web_request import web_response

WEB_SERVO_HZ = 50
WEB_HTML = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>hil web load</title>
<h1>Controls</h1><form method="post" action="/pin?level=1"><button>Pin on</button></form>
<form method="post" action="/pin?level=0"><button>Pin off</button></form>
<form method="post" action="/servo?angle=0"><button>Servo 0</button></form>
<form method="post" action="/servo?angle=90"><button>Servo 90</button></form>
<form method="post" action="/start?period_ms=100"><button>Start blinking</button></form>
<form method="post" action="/stop"><button>Stop</button></form><p>%s</p></html>
"""


class WebPage:
    """Answers requests; a control that the board has no means for answers 409."""

    def __init__(self, job):
        free = job.cfg.get("spare") or ()
        self.job = job
        self.pin = self.pwm = self.operator = None
        self.level = 0
        self.angle = -1
        self.served = 0
        self.turns = bytearray(1)
        if free:
            self.pin = output_pin(free[0], 0)
            job.at_exit(lambda: release_pin(free[0], self.pin, job.cfg.get("safe") == "low"))
        if len(free) > 1:
            self.add_servo(free[1])
        if self.pin:
            try:
                timer = raw_timer(HilTimer(job))
                self.operator = PeriodicOperator(timer, 100, self.blink)
                job.at_exit(self.operator.stop)
            except (NoTimer, ValueError, OSError):
                pass
        self.marks = job.channel("web.marks", "value", 96)

    def add_servo(self, pin_id):
        try:
            from machine import PWM

            self.pwm = PWM(Pin(pin_id))
            self.pwm.freq(WEB_SERVO_HZ)
            self.pwm.duty_u16(0)
            self.job.at_exit(self.pwm.deinit)
        except (ImportError, TypeError, ValueError):
            pass

    def blink(self, timer=None):
        """The timed operation."""
        self.turns[0] = (self.turns[0] + 1) & 127
        self.pin.value(self.turns[0] & 1)

    def answer(self, request, server):
        """The response; server is the kind that asks, 0 a loop or 1 asyncio."""
        self.served += 1
        if request.status:
            return web_response(request.status)
        try:
            return self.route(request, server)
        except ValueError:
            return web_response(400)
        except (OSError, MemoryError, TypeError):
            return web_response(500)

    def route(self, request, server):
        path = request.path
        if path in ("/", "/status"):
            if request.method != "GET":
                return web_response(405)
            if path == "/":
                return web_response(200, WEB_HTML % self.status(), "text/html")
            return web_response(200, self.status(), "application/json")
        action = getattr(self, "do_" + path[1:], None)
        if not action:
            return web_response(404)
        if request.method != "POST":
            return web_response(405)
        self.server = server
        done = action(request)
        return web_response(200 if done else 409, self.status(), "application/json")

    def status(self):
        running = self.operator is not None and self.operator.running()
        text = '{"pin": %d, "servo": %d, "running": %s, "turns": %d, "served": %d}'
        level = self.pin.value() if self.pin else -1
        yes = "true" if running else "false"
        return text % (level, self.angle, yes, self.turns[0], self.served)

    def do_pin(self, request):
        level = request.number("level", 0, 1)
        if self.pin:
            self.pin.value(level)
        return self.pin is not None

    def do_servo(self, request):
        """0..180 degrees are pulses of 500..2500 us."""
        angle = request.number("angle", 0, 180)
        if self.pwm:
            us = 500 + angle * 2000 // 180
            self.pwm.duty_u16(us * 4096 // (62500 // WEB_SERVO_HZ))
            self.angle = angle
        return self.pwm is not None

    def do_start(self, request):
        period = request.number("period_ms", 10, 10000)
        if self.operator:
            self.operator.start(period)
        return self.operator is not None

    def do_stop(self, request):
        if self.operator:
            self.operator.stop()
        return self.operator is not None

    def do_mark(self, request):
        """From now on so many requests a second come: stored in ms from task 0's first release."""
        rate = request.number("rate", 0, 9999)
        grid = self.job.grids[0] if self.job.grids else None
        if not grid or not self.job.opened:
            return False
        if self.marks.n == 0:
            us = time.ticks_diff(time.ticks_us(), time.ticks_add(grid[0], grid[1]))
            self.zero_ms = time.ticks_add(time.ticks_ms(), -(us // 1000))
        ms = time.ticks_diff(time.ticks_ms(), self.zero_ms)
        for value in (self.server, rate, ms):
            self.marks.put(value)
        return True
