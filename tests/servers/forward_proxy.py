"""An HTTP proxy on loopback that notes what it is asked to forward. Standard library only."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class ForwardProxy:
    """Forwards plain HTTP, and answers CONNECT with 502 (it opens no tunnels).

    Attributes:
        url: Its own address, e.g. `"http://127.0.0.1:40001"`.
        seen: What it was asked for, e.g. `"POST http://127.0.0.1:40002/v1/chat/completions"`.
        authorizations: The `Proxy-Authorization` of each request.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.authorizations: list[str | None] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _note(self) -> None:
                proxy.seen.append(f"{self.command} {self.path}")
                proxy.authorizations.append(self.headers.get("Proxy-Authorization"))

            def do_CONNECT(self) -> None:
                self._note()
                self.send_error(502)

            def do_POST(self) -> None:
                self._note()
                target = urlsplit(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                onward = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
                onward.request("POST", target.path, body, {"Content-Type": "application/json"})
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
