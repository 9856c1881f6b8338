"""The way most would write it: FastAPI, Pydantic models, one awaited publish for each request."""

import sys
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from floors.group_commit import SUBJECT, lanes, publishes
from starlette.responses import Response

from handrail_contracts.events import EventBatch

PORT, LANES = lanes(sys.argv[1])
app = FastAPI()


@app.get("/stats")
async def stats() -> Response:
    return Response(publishes(LANES))


@app.post("/api/v1/events", status_code=202)
async def take(batch: EventBatch, x_api_key: Annotated[str, Header()]) -> dict[str, Any]:
    lane = LANES.get(x_api_key.encode())
    if lane is None:
        raise HTTPException(401)
    stream = await lane.stream()
    await stream.publish(SUBJECT, batch.model_dump_json().encode())
    lane.publishes += 1
    return {"accepted": len(batch.events)}


uvicorn.run(app, port=PORT, loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False)
