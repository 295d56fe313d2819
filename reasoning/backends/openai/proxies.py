"""The proxy that the environment names for a server: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`."""

import ipaddress
import re
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies

from reasoning.errors import ConfigError, MissingPackageError

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(url: str) -> str | None:
    """The URL of the proxy, with its credentials, that requests to a server go through; None for none.

    `NO_PROXY` is read as curl reads it: host names, which hold for the hosts below them too, with a port where one is
    given; addresses and networks (`10.0.0.0/8`); `*` for all.

    Raises:
        ConfigError: The environment names one that is no proxy's URL.
        MissingPackageError: It is a SOCKS proxy, and the package for that is not installed.
    """
    server, named = urlsplit(url), getproxies()
    proxy = named.get(server.scheme) or named.get("all")
    if not proxy or _direct(server.hostname or "", server.port, named.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        known = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ConfigError(
            f"The proxy that the environment names for {server.scheme} is no URL such as http://proxy:3128; "
            "change HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the server in NO_PROXY."
        )
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        raise MissingPackageError("socksio", "pip install socksio", "A SOCKS proxy, as the environment names one,")
    return proxy


def shown(proxy: str) -> str:
    """A proxy's URL without its credentials."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _direct(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether a server is to be reached without a proxy."""
    return any(_covers(entry.lower(), host, port) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _covers(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name, _, at = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if at and at != str(port):
        return False
    name = name.lstrip("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
