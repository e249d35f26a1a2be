"""A board's web server is asked only where a board of this bench can be."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network

import pytest

from hil.boards.backend import BoardTraits
from hil.experiments import bench_network
from hil.experiments.bench_network import address_check, attached_networks, check_address
from hil.experiments.wifi import wifi_network
from hil.model.errors import CaptureError, ConfigurationError

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0104A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wlan0\t0004A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0
eth1\t00007150\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
"""192.168.4.0/24 with its router 192.168.4.1; a tunnel to everywhere, link-local, a public one."""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    path = tmp_path / "route"
    path.write_text(ROUTES)
    monkeypatch.setattr(bench_network, "_ROUTES", path)
    monkeypatch.setattr(bench_network, "_own_address", lambda address: str(address).endswith(".7"))
    monkeypatch.chdir(tmp_path)
    for name in ("HIL_WIFI", "HIL_WIFI_NETWORK"):
        monkeypatch.delenv(name, raising=False)
    return address_check(BoardTraits(), "/dev/ttyUSB0")


def test_this_computer_s_own_private_networks_are_the_bench_s(bench):
    networks, routers = attached_networks()
    assert networks == (IPv4Network("192.168.4.0/24"),)
    assert set(map(str, routers)) == {"192.168.4.1"}
    bench("192.168.4.20", 23_456)


REFUSED = {
    "127.0.0.1": "no board of a network",
    "127.8.8.8": "no board of a network",
    "169.254.169.254": "no board of a network",
    "0.0.0.0": "no board has such",
    "255.255.255.255": "no board has such",
    "224.0.0.251": "no board of a network",
    "192.168.4.1": "the router's",
    "192.168.4.7": "this computer's own",
    "192.168.4.0": "a whole network's",
    "192.168.4.255": "a whole network's",
    "192.168.5.20": "in no network of this bench",
    "80.113.0.20": "in no network of this bench",
    "8.8.8.8": "in no network of this bench",
    "example.org": "no IPv4 address in numbers",
    "localhost": "no IPv4 address in numbers",
    "::1": "no IPv4 address in numbers",
    "[::1]": "no IPv4 address in numbers",
    "2130706433": "no IPv4 address in numbers",
    "0x7f.0.0.1": "no IPv4 address in numbers",
    "0300.0250.04.024": "no IPv4 address in numbers",
    "192.168.004.020": "no IPv4 address in numbers",
    "192.168.4": "no IPv4 address in numbers",
    "192.168.4.20@evil": "no IPv4 address in numbers",
    "192.168.4.20 ": "no IPv4 address in numbers",
    "\u0661\u0669\u0662.168.4.20": "no IPv4 address in numbers",
    "": "no IPv4 address in numbers",
}


@pytest.mark.parametrize("host", REFUSED)
def test_another_address_is_refused_in_one_line(bench, host):
    with pytest.raises(CaptureError, match=REFUSED[host]) as caught:
        bench(host, 23_456)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("port", [1, 22, 25, 80, 443, 5432, 8080, 19_999, 32_000, 65_535])
def test_only_ports_that_the_agent_takes_are_asked(bench, port):
    with pytest.raises(CaptureError, match=f"port {port}, as its web server.*20000 to 31999"):
        bench("192.168.4.20", port)


def test_a_network_that_the_user_names_takes_the_place_of_this_computer_s(bench, tmp_path):
    (tmp_path / "wifi.toml").write_text('ssid = "a"\npassword = "b"\nnetwork = "10.1.2.0/24"\n')
    bench("10.1.2.3", 23_456)
    with pytest.raises(CaptureError, match=r"in no network of this bench \(10\.1\.2\.0/24\)"):
        bench("192.168.4.20", 23_456)


def test_a_named_network_opens_no_way_to_this_computer(bench):
    everything = IPv4Network("127.0.0.0/16")
    with pytest.raises(CaptureError, match="no board of a network"):
        check_address("127.0.0.1", 23_456, everything)


def test_the_variable_comes_first(bench, tmp_path, monkeypatch):
    (tmp_path / "wifi.toml").write_text('network = "10.1.2.0/24"\n')
    monkeypatch.setenv("HIL_WIFI_NETWORK", "10.9.0.0/16")
    assert wifi_network() == IPv4Network("10.9.0.0/16")


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/24", "home", "::/64", "5"])
def test_what_is_no_network_of_a_bench_is_one_line(bench, monkeypatch, text):
    monkeypatch.setenv("HIL_WIFI_NETWORK", text)
    with pytest.raises(ConfigurationError, match="HIL_WIFI_NETWORK: must be the network of the"):
        wifi_network()


def test_where_no_network_can_be_told_the_user_names_it(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench_network, "_ROUTES", tmp_path / "none")
    with pytest.raises(CaptureError, match=r"none that could be told.*network = "):
        bench("192.168.4.20", 23_456)


def test_this_computer_knows_its_own_address():
    assert bench_network._own_address(bench_network.IPv4Address("127.0.0.1"))


def test_where_the_system_does_not_tell_who_listens_the_ports_are_still_the_agent_s(monkeypatch):
    monkeypatch.setattr(bench_network, "can_tell", lambda: False)
    check = address_check(BoardTraits(network="host"), "/dev/ttys001")
    assert check("127.0.0.1", 23_456)
    for host, port in (("127.0.0.1", 22), ("192.168.4.20", 23_456)):
        with pytest.raises(CaptureError, match="is not asked"):
            check(host, port)


def test_a_board_on_this_computer_has_no_port_that_another_process_listens_at(bench):
    """One that says it is embedded, too: its word opens no service of this computer."""
    check = address_check(BoardTraits(network="host"), "/dev/ttyUSB0")
    with pytest.raises(CaptureError, match="a board on this computer listens at 127"):
        check("192.168.4.20", 23_456)
    with socket.socket() as listener:
        for port in range(23_000, 23_100):
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            break
        listener.listen(1)
        with pytest.raises(CaptureError, match="it is not the board that listens there"):
            check("127.0.0.1", port)
