# Virtual time: a number that only this module advances, and what happens when it passes.
#
# `ns` are nanoseconds since the board was first switched on. Time passes for what is spent (reads
# of the clock, writes of pins, entries of handlers, stamps, jumps of the main program) and while
# something waits. What is due on the way happens at its moment: interrupts first, then threads,
# then the host. All functions here are machine code, in which no callback of the scheduler runs,
# so the overlay itself takes no time. Nothing allocates once it is set up.
import sys

import micropython
import sim_config as cfg
import ustruct
from uctypes import bytearray_at

VIRTUAL = True
FAR = 1 << 60
READ = cfg.read_ns
PIN = cfg.pin_ns
ENTRY = cfg.entry_ns
STORE = cfg.store_ns
TURN = cfg.turn_ns
MAIN, SOFT, HARD = 0, 1, 2
_MOST_OVERDUE = 64  # handlers in a row without a step of what they interrupt
_schedule = micropython.schedule
_heap_lock = micropython.heap_lock
_heap_unlock = micropython.heap_unlock
_print_exception = sys.print_exception

ns = cfg.start_ns
level = MAIN  # what runs: the main program, a soft callback, a hard handler
masked = 0  # depth of critical sections
slots = [None] * 64  # interrupts with a deadline: `_due` (host us) and `_fire()`
_top = 0
next_irq = FAR  # ns of the nearest interrupt
next_own = FAR  # of the board's nearest event: interrupt or thread
next_any = FAR  # the same, or the moment up to which the host lets time pass
host_due = FAR
thread = None  # the thread that runs, None: the main program
threads = []  # sleeping and ready ones, see _thread.py
ready = 0  # threads that would run at once
_fn = [None] * 4
_arg = [None] * 4
_head = 0
count = 0  # soft callbacks that wait
lost = 0  # soft interrupts lost because the queue was full
interrupted = False  # Ctrl-C came while main was in here
_in_turn = False
_unturned = 0  # steps of main since the last jump
_sched = bytearray_at(cfg.sched_state, 2)  # of the VM: negative while a callback runs
_attention = bytearray_at(cfg.attention, 1)  # 1: the supervisor asks, 2: main reads its input
_out = open(cfg.fd_notice, "wb")
_grant = open(cfg.fd_grant, "rb")
_record = bytearray(9)
_answer = bytearray(9)
_stimuli = open(cfg.fd_host, "rb")
_message = bytearray(2)
stimulus = None  # set by sim_pin: called with (pin, level) for each stimulus of the host
stopping = going_on = None  # set by sim_edges: called around each stop


def now():
    return ns // 1000


def read():
    # The clock as a program reads it: that takes time, then the value is taken.
    spend(READ)
    return ns // 1000


def born_ns(board_us):
    return cfg.epoch_ns + ns - board_us * 1000


def store_cost():
    spend(STORE)


def write_cost():
    spend(PIN)


def spend(cost):
    global ns, _unturned
    if thread is not None:
        _spend_in_thread(cost)
    elif level == HARD or masked:
        ns += cost
    elif level == SOFT:
        if ns + cost < next_irq:
            ns += cost
        else:
            _pass(cost)
    else:
        _unturned += 1
        if _unturned > 200 or _sched[1] & 128:
            _rearm()
        if ns + cost < next_any and not ready:
            ns += cost
        else:
            _pass(cost)
            _raise_interrupt()


def _rearm():
    # A program that came to the limit of recursion can leave the VM's scheduler locked for good,
    # and the callback that counts jumps lost: repair both.
    global _unturned
    _unturned = 0
    if _in_turn:
        return
    _sched[0] = _sched[1] = 0  # pending
    try:
        _schedule(_turn, 0)
        _schedule(_turn, 0)
    except RuntimeError:
        pass


def _spend_in_thread(cost):
    global ns
    if level != HARD and ns + cost > next_irq:
        part = next_irq - ns
        if part > 0:
            ns += part
            cost -= part
        thread.give_way()
    ns += cost


def round_up():
    return (ns + 999) // 1000


def _pass(cost):
    # A step of what runs, interrupted by all that falls due within it.
    global ns
    if ready and level == MAIN:
        _run_ready()
    overdue = 0
    while overdue < _MOST_OVERDUE:
        due = next_any if level == MAIN else next_irq
        if due > ns + cost:
            break
        if due > ns:
            cost -= due - ns
            ns = due
            overdue = 0
        overdue += 1
        _happen()
    ns += cost


def _happen():
    # The one thing that is due.
    if next_irq <= ns:
        best = None
        due = FAR
        for i in range(_top):
            s = slots[i]
            if s is not None and s._due < due:
                due = s._due
                best = s
        if best is not None:
            best._fire()
        _find_next()
        return
    if level == MAIN:
        best = None
        due = FAR
        for t in threads:
            if t._due < due:
                due = t._due
                best = t
        if best is not None and due <= ns:
            best.run()
        elif host_due <= ns:
            _ask_host(104)  # h
        _find_next()


def _find_next():
    global next_irq, next_own, next_any
    due = FAR
    for i in range(_top):
        s = slots[i]
        if s is not None and s._due < due:
            due = s._due
    due = due * 1000 if due < FAR else FAR
    next_irq = due
    for t in threads:
        if t._due < due:
            due = t._due
    next_own = due
    next_any = due if due < host_due else host_due


def _run_ready():
    # Each thread that would run at once, once; it gives way again by itself.
    for t in tuple(threads):
        if t.is_ready:
            t.run()
    _find_next()


def add(source):
    global _top
    if source._slot < 0:
        i = 0
        while slots[i] is not None:
            i += 1
        if i >= _top:
            _top = i + 1
        source._slot = i
        slots[i] = source
    _find_next()


def drop(source):
    global _top
    if source._slot >= 0:
        slots[source._slot] = None
        source._slot = -1
        while _top and slots[_top - 1] is None:
            _top -= 1
        _find_next()


def run_hard(fn, arg, what):
    # A hard callback, the heap locked; false if it raised: the traceback goes to the REPL.
    global level, ns
    before = level
    level = HARD
    ns += ENTRY
    _heap_lock()
    try:
        fn(arg)
        return True
    except BaseException as e:
        print("uncaught exception in", what, "callback")
        _print_exception(e)
        return False
    finally:
        _heap_unlock()
        level = before


def schedule(fn, arg):
    global count
    if count == 4:
        raise RuntimeError("schedule queue full")
    i = (_head + count) & 3
    _fn[i] = fn
    _arg[i] = arg
    count += 1


def soft(fn, arg):
    # A soft interrupt: lost without a word when the queue is full, as on silicon.
    global lost
    if count == 4:
        lost += 1
    else:
        schedule(fn, arg)


def _run_soft():
    global _head, count, level
    fn = _fn[_head]
    arg = _arg[_head]
    _fn[_head] = _arg[_head] = None
    _head = (_head + 1) & 3
    count -= 1
    level = SOFT
    try:
        spend(ENTRY)
        fn(arg)
    except BaseException as e:
        _print_exception(e)
    finally:
        level = MAIN


def sleep_until(due_ns):
    # Waiting: threads give way, callbacks and handlers are held up, main lets all happen.
    if thread is not None:
        if level != HARD:
            thread.sleep_until(due_ns)
            return
    if level or masked or thread is not None:
        if due_ns > ns:
            spend(due_ns - ns)
        return
    while True:
        if count:
            _run_soft()
        elif ns >= due_ns:
            break
        else:
            wait_step(due_ns)
    _raise_interrupt()


def wait_step(due_ns):
    # Main waits until the next thing happens, at most until due_ns.
    global ns
    if ready:
        _run_ready()
        return
    due = next_any if next_any < due_ns else due_ns
    if due > ns:
        ns = due
    if next_any <= ns:
        _happen()
    _raise_interrupt()


def _raise_interrupt():
    global interrupted
    if interrupted and not _in_turn:
        interrupted = False
        raise KeyboardInterrupt


def _turn(_):
    # Runs at each jump of the main program's bytecode, and when the supervisor wants attention.
    global ns, _in_turn, _unturned
    _schedule(_turn, 0)
    _unturned = 0
    if level or thread is not None:
        return
    asked = _attention[0]
    if asked:
        if asked & 1:
            _in_turn = True
            _attend()
            _in_turn = False
        if asked & 2:  # woken out of a read: no jump
            return
    if ns + TURN < next_any and not ready and not count:
        ns += TURN
        return
    if masked:
        ns += TURN
        return
    _in_turn = True
    _pass(TURN)
    if count:
        _run_soft()
    if interrupted:
        _signal()
    _in_turn = False


def _attend():
    global ns
    # The supervisor wants something: at the prompt that time passes, in a program Ctrl-C.
    _attention[0] &= 2
    if _ask_host(97):  # a: true at the prompt
        while True:
            if count:
                _run_soft()
            elif ready or next_own <= host_due:
                wait_step(next_own)
            else:
                if ns < host_due:
                    ns = host_due
                if not _ask_host(104):
                    break
    if interrupted:
        _signal()
    _find_next()


def _signal():
    # Ctrl-C for the program that this callback interrupts: the VM raises it at its next jump.
    global interrupted
    interrupted = False
    _say(99)  # c


def _say(kind):
    if stopping is not None:
        stopping()
    _record[0] = kind
    ustruct.pack_into("<q", _record, 1, ns)
    _out.write(_record)
    _grant.readinto(_answer)
    if going_on is not None:
        going_on()


def _ask_host(kind):
    # Time stands until the supervisor answers with how far it may go on; true at the prompt.
    global host_due, interrupted
    _say(kind)
    host_due = ustruct.unpack_from("<q", _answer, 1)[0]
    flags = _answer[0]
    if flags & 1:
        interrupted = True
    if flags & 2:
        while _stimuli.readinto(_message) == 2:
            if stimulus is not None:
                run_hard(_stimulate, 0, "Pin")
    _find_next()
    return flags & 4


def _stimulate(_):
    stimulus(_message[0], _message[1])


def hand_over_edges():
    # There is no more room for them; wherever the board is, it goes on at once.
    _say(101)  # e


def nap(us):
    spend(us * 1000)


def idle():
    # To the next interrupt, a millisecond at most.
    if level or masked or thread is not None:
        spend(READ)
    else:
        wait_step(ns + 1000000)


def ask_for_input():
    # Main waits for what the host may send.
    _ask_host(105)  # i
    _raise_interrupt()


def request(what):
    # Tell the supervisor: b"b" booted; b"R" reset, b"D" reset as after deep sleep, which do not
    # come back.
    if what == b"b":
        _ask_host(98)
        _raise_interrupt()
    else:
        _say(what[0])


def tell_end():
    _record[0] = 120  # x
    ustruct.pack_into("<q", _record, 1, ns)
    _out.write(_record)


def start():
    _find_next()
    _schedule(_turn, 0)
    _schedule(_turn, 0)
