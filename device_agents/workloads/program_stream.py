# hil: needs=schedule
"""The user's program while its stamps are sent as they come.

A program that loops leaves no turn to the harness: the scheduler calls what sends, between two of
the program's statements, when half of a recorder is full. The recorder only asks for that, from
whatever context it is called in.
"""

import micropython
from lib.recorder import Channel
from lib.report import flush
from workloads.user_program import hil_first_stamps, hil_open_full, hil_run_program, hil_told

hil_stream = []
hil_sending = bytearray(1)


def hil_send_now(job):
    """What is full, and the grids of tasks that have begun since."""
    for k in range(job.n):
        if job.grids[k] and k not in hil_told and job.channels[k].n:
            hil_told.append(k)
            text = "task=%d;origin=%d;offset=%d;period=%d"
            job.writer.text("G", text % ((k,) + job.grids[k] + (job.periods_us[k],)))
    hil_first_stamps(job)
    flush(job)


def hil_send_scheduled(_):
    """Between two statements of the program; not in the middle of what is being sent."""
    job = hil_stream[0]
    if job.opened and not hil_sending[0]:
        hil_send_now(job)


def hil_stream_full(channel, t):
    """As of a channel that streams; a half that is full asks to be sent."""
    hil_open_full(channel, t)
    if hil_stream and (channel.busy[0] or channel.busy[1]):
        try:
            micropython.schedule(hil_send_scheduled, 0)
        except RuntimeError:
            pass  # the queue is full: the next stamp without room asks again


Channel.full = hil_stream_full  # before any channel is made


def hil_stream_turn():
    """The main program's turn when the user's has returned."""
    job = hil_stream[0]
    hil_sending[0] = 1
    hil_send_now(job)
    if job.ponger.poll and job.ponger.turn():
        job.left_ms = 0
    hil_sending[0] = 0


def run(job):
    hil_stream[:] = [job]
    job.grids_sent = True  # each is sent when its task begins
    job.idle_step = hil_stream_turn
    try:
        hil_run_program(job)
    finally:
        job.grids_sent = False  # those of tasks without a stamp, too
        hil_stream.clear()
