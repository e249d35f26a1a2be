"""JUnit XML, read by junitparser and held against the rules of the published schema."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from hil.model.printable import escaped_line
from hil.report.exports.figure_keys import NamedFigure
from hil.report.exports.junit import junit_text

from .conftest import HOSTILE, figure

junitparser = pytest.importorskip("junitparser")

CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "testcase": {"properties", "failure", "error", "skipped"},
    "properties": {"property"},
}
ATTRIBUTES = {
    "testsuites": {"name"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "timestamp", "time"},
    "testcase": {"classname", "name"},
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "properties": set(),
}


def check(element: ET.Element) -> None:
    """What ``junit-10.xsd`` allows of what is used here, and properties of a case as pytest has."""
    assert set(element.attrib) <= ATTRIBUTES[element.tag], element.attrib
    tags = [child.tag for child in element]
    assert set(tags) <= CHILDREN.get(element.tag, set())
    assert "properties" not in tags[1:]
    if element.tag == "testcase":
        assert len([tag for tag in tags if tag != "properties"]) <= 1
        assert element.attrib["name"]
        assert element.attrib["classname"]
    if "time" in element.attrib:
        assert re.fullmatch(r"[0-9]*(\.[0-9]*)?", element.attrib["time"])
    if element.tag == "testsuite":
        cases = element.findall("testcase")
        assert int(element.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    for child in element:
        check(child)


def cases(text: str) -> dict[tuple[str, str], object]:
    suites = junitparser.JUnitXml.fromstring(text.encode("utf-8"))
    return {(case.classname, case.name): case for suite in suites for case in suite}


def properties(case) -> list[tuple[str, str]]:
    return [(p.name, p.value) for group in case.iterchildren(junitparser.Properties) for p in group]


def test_it_follows_the_rules(results):
    check(ET.fromstring(junit_text(results).encode("utf-8")))


def test_every_figure_is_a_property_of_its_case(results):
    by_name = cases(junit_text(results))
    for measurement in results.measurements:
        case = by_name[
            (
                f"hil.{escaped_line(measurement.board)}",
                escaped_line(f"{measurement.technique}-{measurement.load}"),
            )
        ]
        said = dict(properties(case))
        stem = escaped_line(NamedFigure(measurement).property)
        lo, hi, budget = measurement.lo, measurement.hi, measurement.budget
        for name, number in (
            ("", measurement.value),
            (".lo", lo),
            (".hi", hi),
            (".budget", budget),
        ):
            told = said.get(stem + name)
            assert (None if told is None else float(told)) == number
    case = by_name[("hil.sim", "timer_soft-idle")]
    names = [name for name, _ in properties(case)]
    assert len(names) == len(set(names))
    assert "absent.lateness_p999_us" in names


def test_outcomes(results):
    by_name = cases(junit_text(results))
    (failure,) = by_name[("hil.sim", "timer_soft-idle")].result
    assert isinstance(failure, junitparser.Failure)
    assert failure.message == "2 figures are out of budget"
    assert "lateness_max_us" in failure.text
    assert "missed" in failure.text
    (error,) = by_name[("hil.sim", "cooperative-idle")].result
    assert isinstance(error, junitparser.Error)
    assert error.message == escaped_line(f"no answer {HOSTILE}")
    assert "Traceback:" in error.text
    (skipped,) = by_name[("hil.sim", "thread-idle")].result
    assert isinstance(skipped, junitparser.Skipped)
    assert skipped.message == escaped_line(f"this board has no threads {HOSTILE}")
    (whole,) = by_name[("hil", "the run")].result
    assert whole.message == "the run did not come to its end"
    assert by_name[("hil.sim", "timer_soft-gc")].result == []


def test_an_error_keeps_what_is_out_of_budget(results):
    failed = figure("missed", "count", 3.0, technique="cooperative", budget=0.0, verdict="fail")
    text = junit_text(dataclasses.replace(results, measurements=(failed,)))
    (error,) = cases(text)[("hil.sim", "cooperative-idle")].result
    assert "missed" in error.text


def test_a_name_holds_no_character_that_xml_forbids(results):
    text = junit_text(results)
    assert HOSTILE not in text
    assert "\x1b" not in text
    assert "\\x1b[31m" in text
