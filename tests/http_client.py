"""The HTTP client of the tests: a connection serves one request."""

import httpx

# uvicorn closes a connection that was idle for five seconds. A request that is sent at that moment
# on a kept connection ends with "connection reset by peer", though nothing is wrong with the
# server; httpx does not repeat a POST by itself. A new connection per request cannot meet that.
_NO_IDLE_CONNECTIONS = httpx.Limits(max_keepalive_connections=0)


def http_client(
    base_url: str = "", *, timeout_s: float = 10.0, verify: bool = True
) -> httpx.Client:
    """Return a client that keeps no connection open between two requests.

    `verify=False` accepts a self-signed certificate.
    """
    return httpx.Client(
        base_url=base_url, timeout=timeout_s, verify=verify, limits=_NO_IDLE_CONNECTIONS
    )
