"""The floor of ingest: the least that gets events from the stream into a table, once, and nothing more.

A process of its own, as ingest is one. Standing pull, msgspec, one unnest insert that ignores what is there, a Redis
pipeline, explicit acknowledgements of all messages after the commit. No users, no sessions, no detectors, no signals.
"""

import argparse
import asyncio
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec
import redis.asyncio
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from handrail_contracts import intake, names

COMMIT = 2000
"""Events in one transaction at most, about."""
REQUEST = 500
TABLE = """
CREATE TABLE IF NOT EXISTS floor_events (
    id uuid PRIMARY KEY, user_id text NOT NULL, session_id text NOT NULL, type text NOT NULL,
    at timestamptz NOT NULL, props jsonb NOT NULL);
CREATE INDEX IF NOT EXISTS floor_events_user ON floor_events (user_id, at);
GRANT SELECT, INSERT ON floor_events TO PUBLIC
"""
INSERT = """
INSERT INTO floor_events
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[])
ON CONFLICT (id) DO NOTHING
"""


class _Event(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    user_id: str
    session_id: str
    timestamp: datetime
    properties: msgspec.Raw


class _Batch(msgspec.Struct, gc=False):
    events: list[_Event]


async def run(nats_url: str, secrets: Path, prefix: str) -> None:
    client = Client()
    await client.connect([nats_url], user_credentials=str(secrets / names.creds_file("ingest")))
    connection = await asyncpg.connect((secrets / names.DATABASE_URL_FILE).read_text().strip())
    store = redis.asyncio.Redis.from_url((secrets / names.REDIS_URL_FILE).read_text().strip())
    insert = await connection.prepare(INSERT)
    decoder = msgspec.json.Decoder(_Batch)
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = client.new_inbox()
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{names.EVENTS_STREAM}.{names.INGEST_CONSUMER}"
    request = msgspec.json.encode({"batch": REQUEST, "expires": 5_000_000_000})
    left = 0

    async def receive(message: Msg) -> None:
        nonlocal left
        if message.reply:
            left -= 1
            queue.put_nowait(message)
        else:
            left = 0
        if left <= 0:
            left = REQUEST
            await client.publish(subject, request, reply=inbox)

    await client.subscribe(inbox, cb=receive)
    left = REQUEST
    await client.publish(subject, request, reply=inbox)
    print("ready", flush=True)
    while True:
        messages = [await queue.get()]
        events: list[_Event] = []
        while True:
            for framed in intake.split(messages[-1].data):
                events.extend(decoder.decode(framed.body).events)
            if len(events) >= COMMIT or queue.empty():
                break
            messages.append(queue.get_nowait())
        pipe = store.pipeline(transaction=False)
        newest = {one.user_id: one for one in events}
        for user_id, one in newest.items():
            pipe.set(f"{prefix}floor:{user_id}", one.session_id, ex=3600)
        writing = asyncio.ensure_future(pipe.execute())
        await insert.fetch(
            [one.event_id for one in events],
            [one.user_id for one in events],
            [one.session_id for one in events],
            [one.event_type for one in events],
            [one.timestamp for one in events],
            [bytes(one.properties).decode() for one in events],
        )
        await writing
        for message in messages:
            await message.ack()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nats-url", required=True)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--prefix", required=True)
    given = parser.parse_args()
    uvloop.run(run(given.nats_url, given.secrets, given.prefix))
