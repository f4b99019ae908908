"""One limit for a whole answer: a socket's own timeout begins anew with every byte that comes."""

from __future__ import annotations

import socket
import threading
from contextvars import ContextVar, Token
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.poolmanager import PoolManager

_PRESENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """While it is entered, the connection in use is cut when the time is up, in headers as in the body.

    Whoever waits on the connection then wakes up with an error or a short answer, and asks `over` which it was.

    Parameters
    ----------
    limit_s : float
        Seconds from entering to the cut.

    Attributes
    ----------
    over : bool
        Whether the time is up.
    """

    def __init__(self, limit_s: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._left = False
        self._connection: HTTPConnection | None = None
        self._socket: Any = None
        self._timer = threading.Timer(limit_s, self._cut)
        self._timer.daemon = True
        self._token: Token[Deadline | None] | None = None

    def watch(self, connection: HTTPConnection) -> None:
        """Cut this connection when the time is up; raises TimeoutError if it is up already."""
        with self._lock:
            # A connection that is to be closed after its answer gives its socket away before the body is read.
            self._connection, self._socket = connection, connection.sock
            if self.over:
                raise TimeoutError("the time for this answer is up")

    def _cut(self) -> None:
        with self._lock:
            if self._left:
                return
            self.over = True
            found = (self._socket, getattr(self._connection, "sock", None))
            for sock in {id(sock): sock for sock in found if sock is not None}.values():
                try:
                    # Not the method of a TLS socket, which would read what comes next as plain text.
                    socket.socket.shutdown(getattr(sock, "socket", sock), socket.SHUT_RDWR)
                except (OSError, TypeError):  # closed already, or not a socket of the system
                    continue

    def __enter__(self) -> Deadline:
        self._token = _PRESENT.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._left = True
            self._connection = self._socket = None
        if self._token is not None:
            _PRESENT.reset(self._token)


class _Watched:
    """Tells the present deadline of a connection before it is made and before an answer is waited for."""

    def connect(self) -> None:
        self._tell()
        super().connect()  # type: ignore[misc]

    def getresponse(self) -> Any:
        self._tell()
        return super().getresponse()  # type: ignore[misc]

    def _tell(self) -> None:
        deadline = _PRESENT.get()
        if deadline is not None:
            deadline.watch(self)  # type: ignore[arg-type]


class DeadlineAdapter(HTTPAdapter):
    """Makes connections, through proxies too, that a `Deadline` can cut."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The pools of connections through a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if not known:
            _watch_pools(manager)
        return manager


def _watch_pools(manager: PoolManager) -> None:
    classes: dict[str, Any] = {}
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    for scheme, pool in pools.items():
        connection = type("Watched", (_Watched, pool.ConnectionCls), {})
        classes[scheme] = type("WatchedPool", (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = classes


__all__ = ["Deadline", "DeadlineAdapter"]
