"""Webhooks go to no address of the inside, however it is written, unless the operator allows it."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from pytest_django import Settings

from quantumsvc.notices.addresses import Unreachable, is_allowed, read_url, resolve

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("address", INSIDE)
def test_it_refuses_addresses_of_the_inside(address: str) -> None:
    assert not is_allowed("some.host", ip_address(address), [])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_it_allows_public_addresses(address: str) -> None:
    assert is_allowed("some.host", ip_address(address), [])


def test_it_allows_what_the_operator_names_and_no_more() -> None:
    allowed = ["hooks.lab", "10.1.0.0/16", "fd00::/8"]
    assert is_allowed("hooks.lab", ip_address("10.9.0.1"), allowed)
    assert is_allowed("other.lab", ip_address("10.1.2.3"), allowed)
    assert is_allowed("other.lab", ip_address("fd00::1"), allowed)
    assert is_allowed("other.lab", ip_address("::ffff:10.1.2.3"), allowed)
    assert not is_allowed("other.lab", ip_address("10.2.0.1"), allowed)
    assert not is_allowed("evil.hooks.lab", ip_address("10.9.0.1"), allowed)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "//example.org/",
        "example.org",
        "http://",
        "http://user:pass@example.org/",
        "https://example.org/#part",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://exämple.org/",
        "https://example.org/" + "a" * 500,
        "http://[::1",
    ],
)
def test_it_reads_only_plain_urls(url: str) -> None:
    with pytest.raises(Unreachable):
        read_url(url)


def test_it_reads_the_parts_of_a_url() -> None:
    target = read_url("https://hooks.example.org:8443/a/b?c=d")
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example.org", 8443)
    assert target.path == "/a/b?c=d"
    assert (read_url("http://h").port, read_url("https://h").path) == (80, "/")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:7f00:1]/", "http://0/"],
)
def test_it_is_not_fooled_by_other_ways_to_write_an_address(url: str) -> None:
    with pytest.raises(Unreachable, match=r"inside|not known"):
        resolve(read_url(url))


def answers(*addresses: str) -> Any:
    def getaddrinfo(host: str, port: int, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_it_refuses_a_name_that_also_points_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.216.34", "10.0.0.1"))
    with pytest.raises(Unreachable, match="inside"):
        resolve(read_url("https://both.example.org/"))
    monkeypatch.setattr(socket, "getaddrinfo", answers("93.184.216.34"))
    assert resolve(read_url("https://both.example.org/")).ip == "93.184.216.34"


def test_it_says_that_a_name_is_not_known(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match=r"nowhere\.invalid is not known"):
        resolve(read_url("https://nowhere.invalid/"))
