"""A strategy in a web service, with a deadline: `uvicorn service:app`, then `curl 'localhost:8000/answer?question=…'`.

What is still under way at the deadline abstains; the answer is that of the paths that were there in time.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import reasoning

strategy = reasoning.SelfConsistency(of=reasoning.ProgramOfThought(shots="arithmetic"), samples=5)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with reasoning.open_backend("local") as app.state.backend:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/answer")
async def answer(question: str, deadline: float = 10.0) -> dict[str, Any]:
    result = await strategy.asolve(question, app.state.backend, deadline=deadline)
    return {
        "answer": None if result.answer is None else str(result.answer),
        "votes": {str(found.answer): found.weight for found in result.tally.classes},
        "stopped": result.stopped,
        "in_time": result.order_safe,
        "seconds": round(result.seconds, 2),
    }
