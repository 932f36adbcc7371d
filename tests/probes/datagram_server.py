"""A server over UDP on virtual time: what it answers is made of what it was asked."""

from lvsmon.testing.network import Script, ScriptedConnector


class AnsweringNet(ScriptedConnector):
    """``answer(datagram, count)`` gives pairs of seconds and a datagram, or an error, for each that is sent.

    ``sent`` holds pairs of the time and what was sent.
    """

    def __init__(self, answer):
        super().__init__(Script())
        self.answer = answer
        self.sent = []

    async def datagram(self, address, port, /):
        return _Datagram(self, await super().datagram(address, port))


class _Datagram:
    def __init__(self, net, opened):
        self._net, self._opened, self._coming = net, opened, []

    @property
    def local(self):
        return self._opened.local

    async def send(self, data, /):
        now = self._net.clock.monotonic()
        self._net.trace.sent(data)
        self._net.sent.append((now, data))
        self._coming += [(now + after, what) for after, what in self._net.answer(data, len(self._net.sent))]
        self._coming.sort(key=lambda each: each[0])

    async def receive(self, limit=65536, /):
        if not self._coming:
            return await self._opened.receive()
        wait = self._coming[0][0] - self._net.clock.monotonic()
        if wait > 0:
            await self._net.pause(wait)
        what = self._coming.pop(0)[1]
        if isinstance(what, Exception):
            raise what
        self._net.trace.received(what)
        return what[:limit]

    def close(self):
        self._opened.close()
