"""An ingest that answers as it is told: what the sender meets when the real one is busy, away or strict."""

from collections import Counter
from contextlib import asynccontextmanager

from aiohttp import web

KEY = "key-of-the-stand-in"


class IngestStandIn:
    def __init__(self, *answers):
        self.answers = list(answers)
        """Answers ahead of the usual one: (status, headers) each."""
        self.events = []
        self.requests = Counter()
        self.refuse = {}
        """Event name -> (field, code, message)."""
        self.url = ""

    async def take(self, request):
        body = await request.json()
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            self.requests[401] += 1
            return web.json_response({"detail": "no such key"}, status=401)
        if self.answers:
            status, headers = self.answers.pop(0)
            self.requests[status] += 1
            return web.json_response({"detail": "later"}, status=status, headers=headers)
        self.requests[200] += 1
        failed = []
        for index, event in enumerate(body):
            if event["event"] in self.refuse:
                field, code, message = self.refuse[event["event"]]
                failed.append({"index": index, "id": None, "field": field, "code": code, "message": message})
            else:
                self.events.append(event)
        status = 400 if len(failed) == len(body) else 200
        return web.json_response({"accepted": len(body) - len(failed), "failed_records": failed}, status=status)


@asynccontextmanager
async def running(stand_in):
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/v1/events", stand_in.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stand_in
    finally:
        await runner.cleanup()
