# `_thread` in virtual time: one thread runs at a time, and gives way where it waits, takes a lock
# or reads the clock. The threads are the VM's own; a lock of its own hands the turn over.
import _thread as _native
import sys

import sim_now as _now

_main_go = _native.allocate_lock()
_main_go.acquire()
_stack_size = 0


class Thread:
    def __init__(self, fn, args, kw):
        self._fn = fn
        self._args = args
        self._kw = kw
        self._go = _native.allocate_lock()
        self._go.acquire()
        self._due = _now.FAR
        self.is_ready = True

    def run(self):
        # The main program lets the thread run until it gives way.
        if self.is_ready:
            self.is_ready = False
            _now.ready -= 1
        self._due = _now.FAR
        level = _now.level
        _now.level = _now.MAIN
        _now.thread = self
        self._go.release()
        _main_go.acquire()
        _now.thread = None
        _now.level = level

    def _switch(self):
        _main_go.release()
        self._go.acquire()

    def give_way(self):
        self.is_ready = True
        _now.ready += 1
        self._switch()

    def sleep_until(self, due):
        if due <= _now.ns:
            self.give_way()
        while _now.ns < due:
            self._due = due
            self._switch()

    def wait(self, due):
        # Until somebody sets _due, or due.
        self._due = due
        self._switch()


def _body(thread):
    thread._go.acquire()
    try:
        thread._fn(*thread._args, **thread._kw)
    except SystemExit:
        pass
    except BaseException as e:
        print("Unhandled exception in thread started by", thread._fn)
        sys.print_exception(e)
    _now.threads.remove(thread)
    _main_go.release()


def start_new_thread(fn, args, kw=None):
    thread = Thread(fn, args, kw or {})
    _native.stack_size(_stack_size)
    _native.start_new_thread(_body, (thread,))
    _now.threads.append(thread)
    _now.ready += 1
    return id(thread)


class Lock:
    def __init__(self):
        self._locked = False
        self._waiting = []

    def acquire(self, wait=1, timeout=-1):
        me = _now.thread
        if me is not None and _now.level != _now.HARD:
            me.give_way()
        if not self._locked:
            self._locked = True
            return True
        if not wait:
            return False
        due = _now.FAR if timeout < 0 else _now.ns + int(timeout * 1000000000)
        while self._locked:
            if _now.ns >= due:
                if me in self._waiting:
                    self._waiting.remove(me)
                return False
            if me is None:
                _now.wait_step(due)
            else:
                if me not in self._waiting:
                    self._waiting.append(me)
                me.wait(due)
        self._locked = True
        return True

    def release(self):
        if not self._locked:
            raise RuntimeError
        self._locked = False
        if self._waiting:
            self._waiting.pop(0)._due = _now.ns
            _now._find_next()

    def locked(self):
        return self._locked

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *_):
        self.release()


LockType = Lock


def allocate_lock():
    return Lock()


def get_ident():
    return 1 if _now.thread is None else id(_now.thread)


def stack_size(size=0):
    global _stack_size
    old = _stack_size
    _stack_size = size
    return old


def exit():
    raise SystemExit
