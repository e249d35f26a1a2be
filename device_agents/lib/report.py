"""What a capture sends: its channels while it streams, the rest at the end."""

import sys


def send_grids(job):
    """The grid that every begun task was asked for, and what is known of its activations."""
    for k in range(job.n):
        if job.grids[k]:
            text = "task=%d;origin=%d;offset=%d;period=%d" + job.answers[k]
            job.writer.text("G", text % ((k,) + job.grids[k] + (job.periods_us[k],)))
    job.grids_sent = True


def flush(job):
    """Streaming: send the halves that are full; the grids with the first."""
    if not job.grids_sent:
        send_grids(job)
    for k in range(len(job.channels)):
        job.channels[k].send(job.writer, k, 1 << 20)


def error_lines(error):
    """A traceback as lines; where the port can't print it to memory, its text only."""
    try:
        import io

        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue().rstrip().split("\n")
    except Exception:
        return [type(error).__name__ + ": " + str(error)]


def send_record(job, status):
    """Everything that is not sent yet, and the end frame."""
    writer = job.writer
    if not job.grids_sent:
        send_grids(job)
    for index, channel in enumerate(job.channels):
        channel.send(writer, index)
        writer.text("T", "i=%d;n=%d;dropped=%d" % (index, channel.n, channel.dropped))
    if job.failure:
        for line in error_lines(job.failure):
            writer.text("X", "t=" + line.replace(";", ","))
    text = "us0=%d;us1=%d;ms0=%d;ms1=%d;status="  # no %= here: 1.20 has none for a string
    text = text % (job.us0, job.us1, job.ms0, job.ms1) + status
    for counter in job.counters.items():
        text += ";%s=%d" % counter
    writer.text("E", text)
