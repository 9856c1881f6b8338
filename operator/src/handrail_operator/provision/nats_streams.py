"""Streams, consumers and buckets, brought to what is wanted. Writes only where something differs."""

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    KeyValueConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BucketNotFoundError, NotFoundError

from handrail_contracts import names, subjects
from handrail_operator.plans import Plan

DUPLICATE_WINDOW = 120.0
"""Seconds."""


def _queue(name: str, subject: str, max_bytes: int) -> StreamConfig:
    """Work queue: a message stands until its consumer has acknowledged it; a full one refuses new ones."""
    return StreamConfig(
        name=name,
        subjects=[subject],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        max_bytes=max_bytes,
        duplicate_window=DUPLICATE_WINDOW,
        allow_direct=True,
    )


def _consumer(name: str, max_ack_pending: int, ack_wait: float) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait,
        max_deliver=-1,
        max_ack_pending=max_ack_pending,
    )


async def ensure_tenant(js: JetStreamContext, plan: Plan) -> None:
    """EVENTS and SIGNALS with one durable consumer each, and the config bucket."""
    await _ensure_stream(js, _queue(names.EVENTS_STREAM, subjects.EVENTS_ALL, plan.events_bytes))
    await _ensure_stream(js, _queue(names.SIGNALS_STREAM, subjects.SIGNALS_ALL, plan.signals_bytes))
    await _ensure_consumer(js, names.EVENTS_STREAM, _consumer(names.INGEST_CONSUMER, 1000, plan.ack_wait))
    await _ensure_consumer(js, names.SIGNALS_STREAM, _consumer(names.AGENT_CONSUMER, 1000, plan.ack_wait))
    await ensure_bucket(js, names.CONFIG_BUCKET, history=5, max_bytes=8 * 1024 * 1024)


async def ensure_platform(js: JetStreamContext) -> None:
    await ensure_bucket(js, names.TENANTS_BUCKET, history=1)
    await ensure_bucket(js, names.KEY_USE_BUCKET, history=1)


async def _ensure_stream(js: JetStreamContext, wanted: StreamConfig) -> None:
    try:
        found = (await js.stream_info(str(wanted.name))).config
    except NotFoundError:
        await js.add_stream(wanted)
        return
    if (found.max_bytes, found.subjects, found.discard) != (wanted.max_bytes, wanted.subjects, wanted.discard):
        await js.update_stream(wanted)


async def _ensure_consumer(js: JetStreamContext, stream: str, wanted: ConsumerConfig) -> None:
    try:
        found = (await js.consumer_info(stream, str(wanted.durable_name))).config
    except NotFoundError:
        found = None
    if found is None or (found.ack_wait, found.max_deliver, found.max_ack_pending) != (
        wanted.ack_wait,
        wanted.max_deliver,
        wanted.max_ack_pending,
    ):
        await js.add_consumer(stream, wanted)


async def ensure_bucket(js: JetStreamContext, bucket: str, *, history: int, max_bytes: int = -1) -> None:
    try:
        await js.key_value(bucket)
    except BucketNotFoundError:
        await js.create_key_value(
            KeyValueConfig(bucket=bucket, history=history, max_bytes=max_bytes, storage=StorageType.FILE)
        )


async def delete_tenant(js: JetStreamContext) -> None:
    """Streams and bucket with all that is in them."""
    for stream in (names.EVENTS_STREAM, names.SIGNALS_STREAM, f"KV_{names.CONFIG_BUCKET}"):
        try:
            await js.delete_stream(stream)
        except NotFoundError:
            continue
