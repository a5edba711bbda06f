"""FastAPI's side of bench/peers/rest, as its documentation writes it. Usage: uvicorn fastapi_side:app …"""
import asyncio
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

app = FastAPI()


class Address(BaseModel):
    street: str
    city: str
    postcode: str | None = None


class Order(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)
    quantity: int = Field(ge=1, le=1000)
    tags: list[str] = Field(max_length=10)
    address: Address


class Receipt(BaseModel):
    id: int
    total: float
    order: Order


@app.post("/orders/{id}")
async def place(id: int, order: Order) -> Receipt:
    return Receipt(id=id, total=order.price * order.quantity, order=order)


@app.get("/events/{count}")
async def events(count: int, yields: int):
    async def ticks():
        for index in range(count):
            if yields:
                await asyncio.sleep(0)
            yield "data: " + json.dumps({"index": index, "text": "a piece of an answer"}) + "\n\n"

    return StreamingResponse(ticks(), media_type="text/event-stream")
