"""Rules for udev: each board by its number, and nothing that USB says gets out of its quotes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hil.boards import udev_rules as module
from hil.boards.backends.serial import AttachedPort
from hil.boards.udev_rules import udev_rules
from hil.cli.main import main

SHIPPED = Path(__file__).parents[2] / "contrib" / "udev" / "60-hil-modemmanager.rules"
PART = re.compile(r'(?P<key>[A-Z]+(?:\{\w+\})?)(?P<operator>==|!=|\+=|=)"(?P<value>[^"]*)"')


def port(device, number="", location="", usb_id="2e8a:0005", description="Board in FS mode"):
    return AttachedPort(device, usb_id, number, description, location)


def parsed(text):
    """Each rule as a list of (key, operator, value); a line that is no rule fails."""
    rules = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            parts = [PART.fullmatch(part) for part in line.split(", ")]
            assert all(parts), line
            rules.append([part.groups() for part in parts])
    return rules


def links(text):
    return [value for rule in parsed(text) for key, _, value in rule if key == "SYMLINK"]


def test_a_board_is_named_by_its_number_and_left_alone_by_modemmanager():
    text = udev_rules(
        [port("/dev/ttyACM0", "e66058", "1-1.2:1.0")],
        {"/dev/ttyACM0": "Raspberry Pi Pico with RP2040"},
    )
    tty, usb = parsed(text)
    assert ("ATTRS{serial}", "==", "e66058") in tty
    assert ("SYMLINK", "+=", "hil-raspberry-pi-pico-1") in tty
    assert {("GROUP", "=", "dialout"), ("TAG", "+=", "uaccess"), ("MODE", "=", "0660")} <= set(tty)
    assert ("ENV{ID_MM_PORT_IGNORE}", "=", "1") in tty
    assert ("ATTR{serial}", "==", "e66058") in usb
    assert usb[-1] == ("ENV{ID_MM_DEVICE_IGNORE}", "=", "1")
    assert "# /dev/ttyACM0: Raspberry Pi Pico with RP2040" in text


def test_three_boards_have_three_names():
    boards = [port(f"/dev/ttyACM{n}", f"e66{n}", f"1-1.{n}:1.0") for n in range(3)]
    assert links(udev_rules(boards)) == [f"hil-board-in-fs-mode-{n}" for n in (1, 2, 3)]


def test_two_interfaces_of_one_board_are_told_apart():
    both = [port("/dev/ttyACM0", "e66", "1-1.2:1.0"), port("/dev/ttyACM1", "e66", "1-1.2:1.2")]
    rules = [rule for rule in parsed(udev_rules(both)) if rule[0][2] == "tty"]
    numbers = [v for rule in rules for k, _, v in rule if k == "ENV{ID_USB_INTERFACE_NUM}"]
    assert numbers == ["00", "02"]


@pytest.fixture
def sockets(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BY_PATH", tmp_path / "by-path")
    (tmp_path / "by-path").mkdir()
    for number in (0, 1):
        (tmp_path / f"ttyUSB{number}").touch()
        link = tmp_path / "by-path" / f"platform-xhci-usb-0:1.{number}:1.0"
        link.symlink_to(tmp_path / f"ttyUSB{number}")
    return tmp_path


@pytest.mark.parametrize("numbers", [("", ""), ("0001", "0001"), ('a"b', "a\nb")])
def test_boards_without_a_number_of_their_own_are_known_by_their_socket(sockets, numbers):
    boards = [
        port(str(sockets / f"ttyUSB{n}"), number, f"1-1.{n}:1.0", "1a86:7523", "USB Serial")
        for n, number in enumerate(numbers)
    ]
    rules = parsed(udev_rules(boards))
    paths = [v for rule in rules for k, _, v in rule if k == "ENV{ID_PATH}"]
    assert paths == ["platform-xhci-usb-0:1.0:1.0", "platform-xhci-usb-0:1.1:1.0"]


def test_what_usb_says_stays_in_comments(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BY_PATH", tmp_path / "none")
    hostile = '", RUN+="/bin/sh -c reboot"\nRUN+="x'
    text = udev_rules([port("/dev/ttyACM0", hostile, "", description=hostile)], {})
    assert parsed(text) == []
    assert "# no rule: it has no usable serial number" in text
    assert "RUN" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


def test_the_command_prints_the_rules_of_what_is_attached(attached, capsys):
    assert main(["boards", "--udev", "--no-probe"]) == 1
    assert "plug the boards in" in capsys.readouterr().err
    attached.plug("/dev/ttyACM7", "e66abc")
    assert main(["boards", "--udev", "--no-probe"]) == 0
    assert links(capsys.readouterr().out) == ["hil-board-in-fs-mode-1"]
    assert main(["boards", "--udev", "--no-probe", "/dev/ttyACM9"]) == 1


def test_the_shipped_rules_only_set_what_modemmanager_asks_for():
    rules = parsed(SHIPPED.read_text())
    assert len(rules) > 10
    for rule in rules:
        for key, operator, value in rule:
            if operator == "=" and key.startswith("ENV"):
                assert (key, value) in {
                    ("ENV{ID_MM_DEVICE_IGNORE}", "1"),
                    ("ENV{ID_MM_PORT_IGNORE}", "1"),
                }
            elif operator == "=":
                assert key in ("GOTO", "LABEL")


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="needs udevadm: apt install udev")
def test_udev_itself_takes_the_rules(tmp_path):
    file = tmp_path / "60-hil.rules"
    file.write_text(udev_rules([port("/dev/ttyACM0", "e66", "1-1.2:1.0")]))
    for rules in (SHIPPED, file):
        done = subprocess.run(
            ["udevadm", "verify", str(rules)], capture_output=True, text=True, check=False
        )
        if "Unknown command" in done.stderr or "Unknown verb" in done.stderr:
            pytest.skip("this udevadm has no verify: systemd 254 or newer")
        assert done.returncode == 0, done.stdout + done.stderr
