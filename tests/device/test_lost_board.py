"""A test that loses its board does no harm to the next one, which gets another."""

import pytest

from hil.model.errors import HilError

WEDGED = {
    "deaf to Ctrl-C": "while True:\n try:\n  while True: pass\n except KeyboardInterrupt: pass",
    "a timer that goes on": "import machine\nt = machine.Timer(-1, period=5, callback=bool)\n",
    "the library is broken": "import sim_controller\ndel sim_controller.slots",
}


@pytest.mark.parametrize("how", WEDGED)
def test_it_is_replaced(shared, how):
    before = shared.ready()
    before.repl.start(WEDGED[how])
    before.repl.clock.sleep(0.01)

    after = shared.ready()

    assert after is not before
    assert after.exec("print('as good as new')") == "as good as new\n"
    assert after.end(after.run("timer_soft"))["status"] == "ok"


def test_it_is_replaced_when_the_process_is_gone(shared, monkeypatch):
    before = shared.ready()
    monkeypatch.setattr(before.repl, "exec", lambda *_, **__: _gone())
    assert shared.ready() is not before


def _gone():
    raise HilError("the board went away")


def test_one_that_answers_is_kept(shared):
    runner = shared.ready()
    runner.exec("kept = 5")
    assert shared.ready() is runner
    assert runner.exec("print(kept)") == "5\n"
