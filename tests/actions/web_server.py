"""An HTTP server that keeps what it is sent and answers what it is told to, read by the standard library's parser."""

import contextlib
import http.server
import json
import socket
import ssl
import threading
from dataclasses import dataclass


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class WebServer:
    """With `answer`: (status, headers, body) for each request; a function of the request may stand there too."""

    def __init__(self, host="127.0.0.1", context=None):
        self.answer = (200, {}, b"ok")
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = Request(self.command, self.path, dict(self.headers.items()), body)
                outer.requests.append(asked)
                answer = outer.answer(asked) if callable(outer.answer) else outer.answer
                status, headers, said = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        for method in ("POST", "PUT", "PATCH"):
            setattr(Handler, f"do_{method}", Handler.handle_any)

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

            def get_request(self):
                peer, address = super().get_request()
                return (context.wrap_socket(peer, server_side=True) if context else peer), address

            def handle_error(self, *_):
                pass

        self._server = Server((host, 0), Handler)
        named = f"[{host}]" if ":" in host else host
        self.place = f"{named}:{self._server.server_address[1]}"
        self.url = f"http{'s' if context else ''}://{self.place}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def web_server(*args, **more):
    server = WebServer(*args, **more)
    try:
        yield server
    finally:
        server.close()


def server_context(issued, folder, client_ca=None):
    """Return a server's TLS context; with ``client_ca`` it wants a certificate of the client's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issued.write(folder, "server"))
    if client_ca is not None:
        context.load_verify_locations(cadata=client_ca.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
