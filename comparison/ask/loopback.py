"""A web server for this computer's own browser, and for no other page or program that reaches it through one.

Any web page can send a browser to 127.0.0.1, under a name of its own too (DNS rebinding). So the Host has to be this
server's, and a request that another page makes is refused.
"""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

ADDRESS = "127.0.0.1"
# The page needs no files of the disk and no other servers; Gradio has ways to both.
CLOSED = ("/gradio_api/file", "/gradio_api/upload", "/gradio_api/proxy", "/file", "/upload", "/proxy")
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class OwnBrowserOnly:
    """ASGI middleware: answers with 403 what comes from elsewhere, and with 404 what the page does not need."""

    def __init__(self, app: Any, port: int) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in (ADDRESS, "localhost")}

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        from starlette.responses import PlainTextResponse

        async def send_with_headers(message: dict) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], *HEADERS]}
            await send(message)

        if self.is_foreign(scope):
            await PlainTextResponse("Forbidden", 403)(scope, receive, send_with_headers)
        elif scope["path"].startswith(CLOSED):
            await PlainTextResponse("Not Found", 404)(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)

    def is_foreign(self, scope: dict) -> bool:
        """Whether the host is not ours, or another page asks; a link to our page from elsewhere may be followed."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") not in self.hosts:
            return True
        if headers.get("origin", "http://" + headers["host"]) != "http://" + headers["host"]:
            return True
        followed = scope.get("method") == "GET" and scope["path"] == "/"
        return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed


def bind(port: int) -> socket.socket:
    """A socket on the loopback address. Raises UserError where another program has the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":  # where it would share the port with another program
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
    except OSError as error:
        listener.close()
        raise UserError(
            _("Port {port} cannot be had ({reason}). Choose another one: --comparison.ask_port {other}").format(
                port=port, reason=error.strerror, other=port + 1
            )
        ) from None
    return listener


def serve(app: Any, listener: socket.socket) -> None:
    """Serve the ASGI `app` on `listener` in a thread of its own, which ends with the process."""
    import uvicorn

    guarded = OwnBrowserOnly(app, listener.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(guarded, log_level="error", ws="none"))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
