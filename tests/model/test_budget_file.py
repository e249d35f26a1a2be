"""Where a message about a budgets file points to."""

import pytest

from hil.experiments.budget_files import load_budgets
from hil.model.budget_file import TomlLines
from hil.model.errors import ConfigurationError


def test_headers_may_be_indented():
    lines = [
        "[budgets]",
        "  [budgets.any.idle]",
        "    missed = 1",
        "\t[budgets.any.gc]",
        "missed = 2",
    ]
    assert TomlLines(lines).find(("budgets", "any", "idle", "missed")) == 3
    assert TomlLines(lines).find(("budgets", "any", "gc")) == 4
    assert TomlLines(lines).find(("budgets", "any", "gc", "missed")) == 5


def test_without_a_line_the_file_alone_is_named(tmp_path):
    """A key that is written with an escape is not looked for by what it means."""
    path = tmp_path / "b.toml"
    path.write_text('["\\u0062udgets".any.any]\nno_such_metric = 1\n')
    with pytest.raises(ConfigurationError) as caught:
        load_budgets(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "no_such_metric" in str(caught.value)
