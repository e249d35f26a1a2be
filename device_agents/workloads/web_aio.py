"""The web server on asyncio: some clients at a time, none waits for another client's bytes."""

from lib.aio import asyncio
from workloads.web_request import WEB_PATIENCE_MS, WebRequest, web_response

WEB_CLIENTS = 4


class WebAio:
    """serve() runs until it is cancelled."""

    def __init__(self, page, host, port):
        self.page = page
        self.host = host
        self.port = port
        self.clients = 0

    async def read(self, reader, request):
        while True:
            data = await reader.read(256)
            if not data:
                return False
            if request.feed(data):
                return True

    async def client(self, reader, writer):
        self.clients += 1
        try:
            await self.talk(reader, writer)
        except OSError:
            pass  # the client went away
        finally:
            self.clients -= 1
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                pass

    async def talk(self, reader, writer):
        request = WebRequest()
        if self.clients > WEB_CLIENTS:
            answer = web_response(503)
        else:
            try:
                if not await asyncio.wait_for_ms(self.read(reader, request), WEB_PATIENCE_MS):
                    return
            except asyncio.TimeoutError:
                request.status = 408
            answer = self.page.answer(request, 1)
        writer.write(answer)
        try:
            await asyncio.wait_for_ms(writer.drain(), WEB_PATIENCE_MS)
        except asyncio.TimeoutError:
            pass

    async def serve(self):
        server = await asyncio.start_server(self.client, self.host, self.port)
        try:
            while True:
                await asyncio.sleep_ms(1000)
        finally:
            server.close()
