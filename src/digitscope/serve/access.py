"""Access control: allowed hosts, same-origin requests and an optional token."""

import ipaddress
import re
import secrets
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from digitscope.errors import SettingError
from digitscope.serve.headers import is_of_the_api
from digitscope.serve.problems import Problem

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")
"""RFC 6750's form of a token, from 16 characters on."""

HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
"""A name as a browser sends it: letters beyond ASCII come as xn--."""

LOOKING = ("GET", "HEAD", "OPTIONS")
"""The methods that change nothing."""


@dataclass(frozen=True)
class Access:
    """The allowed hosts and the token, checked once.

    Attributes:
        token: required under /api as `Authorization: Bearer TOKEN`; None for no token.
        hosts: accepted host names, beside localhost and any IP address.

    Raises:
        SettingError: the token is too short or has invalid characters; a host is not a bare name.
    """

    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise SettingError("that is no token: expected at least 16 letters, digits or any of . _ ~ + / -")
        for host in self.hosts:
            if not HOST.fullmatch(host):
                raise SettingError(
                    f"the allowed host {host!r} is no bare name: expected one such as digits.example.org, "
                    "without https://, port or path"
                )


class AccessGuard:
    """Middleware that refuses cross-origin requests and requests without the token.

    A foreign page can point its own host name at this machine, so that the browser takes it for the same origin
    (DNS rebinding). The attack needs a host name. So every IP address is accepted as the host, but only known
    names.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self._hosts = {"localhost", *(host.lower() for host in access.hosts)}
        self._authorization = f"bearer {access.token}".encode() if access.token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be asked.

        Raises:
            Problem: 421 for a host of another name, 403 for another page's request, 401 without the token.
        """
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            self._check_host(headers.get("host", ""))
            if scope["method"] not in LOOKING:
                _check_origin(headers)
            if self._authorization and is_of_the_api(scope):
                _check_token(headers.get("authorization", ""), self._authorization)
        await self.app(scope, receive, send)

    def _check_host(self, host: str) -> None:
        name = re.sub(r":\d+$", "", host).lower()
        if name not in self._hosts and not _is_address(name):
            detail = (
                f"this is not {name[:80]!r}: expected localhost, an IP address or a name given by --allowed-host"
            )
            raise Problem(421, "Misdirected Request", detail)


def _check_origin(headers: Headers) -> None:
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        detail = (
            f"this comes from a page of {origin[:80]!r}: expected a page of this service, which was called "
            f"{host[:80]!r}, or no browser; a proxy has to pass on the Host header"
        )
        raise Problem(403, "Forbidden", detail)


def _check_token(authorization: str, expected: bytes) -> None:
    scheme, _, token = authorization.partition(" ")
    given = f"{scheme.lower()} {token.strip()}".encode()
    if not secrets.compare_digest(given, expected):
        detail = "no token, or another one: expected the header Authorization: Bearer TOKEN"
        raise Problem(401, "Unauthorized", detail, WWW_Authenticate="Bearer")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
