"""The measurement of the history at scale: memory is the command's own, tables find their place."""

from __future__ import annotations

import pytest

from hil.history.database import open_history
from hil.history.location import find_location
from tools.history_scale.commands import Spent, commands, measured_command
from tools.history_scale.growth_table import Size, growth_table, write_between_markers
from tools.history_scale.made_runs import Farm


def test_the_memory_of_a_command_is_not_that_of_who_measures_it(tmp_path):
    large = bytearray(b"x") * 300_000_000  # touched, so that it is resident
    with open_history(find_location(str(tmp_path / "history.db"), tmp_path)):
        pass
    spent = measured_command(str(tmp_path / "history.db"), ["baseline", "list"])
    assert len(large) == 300_000_000
    assert 5.0 < spent.mb < 200.0
    assert spent.lines == 1
    assert spent.cpu_s > 0.0


def test_a_command_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(RuntimeError, match="hil lost"):
        measured_command(str(tmp_path / "history.db"), ["lost"])


def test_a_table_tells_what_is_above_the_start_and_by_how_much_it_grows():
    sizes = []
    for nights, more in ((10, 1.0), (100, 3.0)):
        farm = Farm(20, nights)
        start, other = Spent(0.9, 0.5, 60.0, 1), Spent(2.0, 0.5 * more + 0.5, 70.0, 7)
        spent = [start, *(other for _ in commands(farm)[1:])]
        sizes.append(Size(farm, 20 * nights, nights * 1_000_000, spent))
    table = growth_table(sizes).splitlines()
    assert table[0] == "| boards x nights | 20 x 10 | 20 x 100 | growth |"
    assert table[3] == "| megabytes | 10 | 100 | 10.0 |"
    assert "0.50 s (0.90), 60 MB, 1 | 1.0 |" in table[4]
    assert table[-1].endswith("| 0.50 s (2.00), 10 MB, 7 | 1.50 s (2.00), 10 MB, 7 | 2.0 |")
    assert any("`hil compare A B`" in line for line in table)


def test_a_table_replaces_the_one_before_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# a\n<!-- t -->\nold\n<!-- end t -->\nrest\n")
    write_between_markers(page, "t", "new\n")
    assert page.read_text() == "# a\n<!-- t -->\nnew\n<!-- end t -->\nrest\n"
    with pytest.raises(SystemExit, match="has no place for `u`"):
        write_between_markers(page, "u", "new\n")
