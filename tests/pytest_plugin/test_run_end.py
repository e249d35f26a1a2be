"""How a run ends by a signal: as by Ctrl-C, with the whole report, and the old handlers back."""

import signal
import threading
from types import SimpleNamespace

import pytest

from hil.pytest_plugin.run_end import WholeReport, end_by_signals

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def default_handlers():
    """The handlers of a program that has set none; afterwards those that there were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_what_ends_a_process_ends_the_run_as_ctrl_c_does(number):
    restore = end_by_signals()
    assert callable(signal.getsignal(number))
    with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):
        signal.raise_signal(number)
    restore()
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_a_signal_that_is_ignored_or_handled_stays_so(number, handler):
    signal.signal(number, handler)
    restore = end_by_signals()
    assert signal.getsignal(number) == handler
    restore()
    assert signal.getsignal(number) == handler


def test_another_thread_sets_no_handlers():
    made = []
    thread = threading.Thread(target=lambda: made.append(end_by_signals()))
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in ENDING] == [signal.SIG_DFL] * len(ENDING)
    (restore,) = made
    restore()


@pytest.fixture
def writing():
    """A session whose outcome is being written: the hook around it, begun."""
    session = SimpleNamespace(exitstatus=0)
    around = WholeReport().pytest_sessionfinish(session)
    next(around)
    return session, around


def end(around):
    with pytest.raises(StopIteration):
        next(around)


@pytest.mark.parametrize(("before", "after"), [(0, pytest.ExitCode.INTERRUPTED), (9, 9)])
def test_ctrl_c_waits_until_the_outcome_is_written(writing, before, after):
    session, around = writing
    session.exitstatus = before
    signal.raise_signal(signal.SIGINT)
    end(around)
    assert session.exitstatus == after


def test_without_a_signal_the_status_stays(writing):
    session, around = writing
    end(around)
    assert session.exitstatus == 0


def test_a_second_ctrl_c_does_not_wait(writing):
    session, around = writing
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="SIGINT") as second:
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        around.throw(second.value)
    assert session.exitstatus == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize("number", ENDING)
def test_what_ends_a_process_waits_too(number):
    restore = end_by_signals()
    session = SimpleNamespace(exitstatus=0)
    around = WholeReport().pytest_sessionfinish(session)
    next(around)
    signal.raise_signal(number)
    end(around)
    assert session.exitstatus == pytest.ExitCode.INTERRUPTED
    with pytest.raises(KeyboardInterrupt):  # it ends the run as before
        signal.raise_signal(number)
    restore()


def test_handlers_are_back_when_all_is_written(writing):
    _, around = writing
    assert signal.getsignal(signal.SIGINT) != signal.default_int_handler
    end(around)
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
