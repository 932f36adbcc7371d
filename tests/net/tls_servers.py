"""Real TLS servers on loopback, in a thread: one handshake after the other, then what the test says."""

import contextlib
import socket
import ssl
import threading


def server_context(folder, issued, name="server", **more):
    """Return a server's context for an issued certificate; ``more`` are attributes of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if issued is not None:
        context.load_cert_chain(*issued.write(folder, name))
    for key, value in more.items():
        setattr(context, key, value)
    return context


class TlsServer:
    """Accepts until the end of the ``with``; ``talk(connection)`` runs after each handshake that succeeds.

    ``prelude(socket)`` runs before it. ``contexts`` are other contexts by the server name asked for. ``accepted``
    counts connections; ``errors`` holds what handshakes and talks ended in.
    """

    def __init__(self, context, talk=None, *, prelude=None, contexts=None, address="127.0.0.1"):
        self._context = context
        self._talk = talk or read_to_the_end
        self._prelude = prelude
        self._contexts = contexts or {}
        self._address = address
        self.accepted = 0
        self.server_names = []
        self.errors = []
        if context is not None:
            context.sni_callback = self._note_name

    def __enter__(self):
        self._listener = socket.socket(socket.AF_INET6 if ":" in self._address else socket.AF_INET)
        self._listener.bind((self._address, 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        self._thread.join()
        self._listener.close()

    def _note_name(self, connection, name, context):
        self.server_names.append(name)
        connection.context = self._contexts.get(name, context)

    def _serve(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with peer:
                peer.settimeout(10)
                try:
                    self._converse(peer)
                except OSError as error:  # an SSLError is one
                    self.errors.append(error)

    def _converse(self, peer):
        if self._prelude is not None:
            self._prelude(peer)
        if self._context is None:
            self._talk(peer)
            return
        with self._context.wrap_socket(peer, server_side=True) as connection:
            self._talk(connection)


def read_to_the_end(connection):
    while connection.recv(4096):
        pass


def says(*words, then=None):
    """Return a talk that says ``words`` (None waits for the client) and ends as ``then`` does."""

    def talk(connection):
        for word in words:
            if word is None:
                connection.recv(4096)
            else:
                connection.sendall(word)
        if then is not None:
            then(connection)

    return talk


def cut(connection):
    """End the connection without close_notify, as legacy servers do."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
    with contextlib.suppress(OSError):
        while socket.socket.recv(connection, 4096):
            pass
