"""Markets in redis-liq from redis-py asyncio: prices with their age, candles equal to the exchange's, stops.

One market is one key, ``tick:{BTCUSDT}``. Prices and quantities are ``Decimal``: what the exchange says, exactly. Times are
Unix milliseconds.

    market = Market(redis.asyncio.from_url("redis://127.0.0.1:6379"), "BTCUSDT")
    await market.create(order="ID", fires="fires:{BTCUSDT}")
    await market.trade(1723161300123, "buy", "61755.70", "0.012", id=5266585715)
    await market.price(max_age="10s")                # None when nobody has said a price for so long
    await market.candles("1m", 500, fill=True)       # what a chart draws
    await market.set_stop("user42:pos7", "LONG", sl=61000, tp=63000, payload='{"qty":"0.5"}')
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

log = logging.getLogger(__name__)

Number = Decimal | int | str


@dataclass(frozen=True)
class Price:
    """A price and how old it is."""

    price: Decimal
    timestamp: int
    age_ms: int
    stale: bool


@dataclass(frozen=True)
class Candle:
    """A candle as the exchange makes them. What nobody told is None; ``state`` says how far it is to be believed."""

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    end: int
    quote_volume: Decimal | None
    trades: int | None
    taker_volume: Decimal | None
    taker_quote_volume: Decimal | None
    state: str


@dataclass(frozen=True)
class Fire:
    """A stop that was reached. ``name`` is never given twice: an order that bears it is placed once."""

    entry: str
    name: str
    id: str
    cause: str
    level: Decimal | None
    price: Decimal | None
    payload: str


class Market:
    """One instrument at one venue."""

    def __init__(self, client: Redis, symbol: str) -> None:
        self._client = client
        self.key = f"tick:{{{symbol}}}"

    async def create(self, **options: Number) -> None:
        """TICK.CREATE, or TICK.ALTER where the market exists; options by their names, such as ``order="ID"``."""
        words = [word for name, value in options.items() for word in (name.upper(), str(value))]
        try:
            await self._call("TICK.CREATE", *words)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise
            await self._call("TICK.ALTER", *words)

    async def trade(
        self, timestamp: int | str, side: str, price: Number, qty: Number, *, id: int | str | None = None, gap: bool = False
    ) -> str:
        """TICK.ADD: what became of the trade, such as ``accepted``. ``gap``: trades may be missing before it."""
        words = [timestamp, side, price, qty, *(("ID", id) if id is not None else ()), *(("GAP",) if gap else ())]
        status, _closed, _fired = await self._call("TICK.ADD", *words)
        return _text(status)

    async def trades(
        self, trades: Iterable[tuple[int, str, Number, Number, int | str]], *, gap: bool = False
    ) -> dict[str, int]:
        """TICK.MADD: a batch in its order; how many met which end."""
        words = [str(word) for trade in trades for word in trade]
        return _map(await self._call("TICK.MADD", *(("GAP",) if gap else ()), "IDS", "TICKS", *words))

    async def quote(
        self,
        timestamp: int,
        *,
        bid: tuple[Number, Number] | None = None,
        ask: tuple[Number, Number] | None = None,
        mark: Number | None = None,
        index: Number | None = None,
    ) -> None:
        """TICK.QUOTE: prices without a trade; without any a heartbeat, which closes the candles of a quiet market."""
        words: list[Number] = []
        for name, offer in (("BID", bid), ("ASK", ask)):
            words += [name, *offer] if offer else []
        for name, price in (("MARK", mark), ("INDEX", index)):
            words += [name, price] if price is not None else []
        await self._call("TICK.QUOTE", timestamp, *words)

    async def backfill(self, klines: Iterable[Iterable[Number]], level: str = "1m") -> dict[str, int]:
        """CANDLE.PUT WHOLE: the exchange's own klines, as its REST interface answers them, from the first to the last."""
        words = [str(column) for row in klines for column in list(row)[:11]]
        return _map(await self._call("CANDLE.PUT", level, "WHOLE", "KLINE", *words))

    async def price(self, by: str = "last", max_age: str | None = None) -> Price | None:
        """TICK.LAST: ``by`` last, bid, ask, mid, mark or index; None without one, or when it is older than ``max_age``."""
        last = _map(await self._call("TICK.LAST", "BY", by, *(("MAXAGE", max_age) if max_age else ())))
        if last["price"] is None:
            return None
        return Price(Decimal(last["price"]), last["ts"], last["age"], bool(last["stale"]))

    async def candles(self, interval: str, count: int = 500, *, fill: bool = False, closed: bool = False) -> list[Candle]:
        """CANDLE.RANGE: the newest, oldest first; ``fill`` with flat ones where nothing was traded."""
        words = ["COUNT", count, *(("FILL",) if fill else ()), *(("CLOSED",) if closed else ())]
        return [_candle(row) for row in await self._call("CANDLE.RANGE", interval, *words)]

    async def gaps(self) -> list[tuple[int, int]]:
        """Where trades may be missing: what to ask the exchange's REST interface for."""
        return [(start, end) for start, end in _map(await self._call("TICK.INFO"))["gaps"]]

    async def set_stop(self, id: str, side: str, **legs: Number) -> str:
        """TRIG.SET: ``armed``, ``waiting``, or ``fired`` when the price is there already; legs such as sl, tp, trailpct."""
        words = [word for name, value in legs.items() for word in (name.upper(), value)]
        return _text(_map(await self._call("TRIG.SET", id, side, *words))["state"])

    async def delete_stop(self, id: str) -> bool:
        """TRIG.DEL: False says that it has fired."""
        return await self._call("TRIG.DEL", id) == 1

    async def _call(self, command: str, *words: Number) -> Any:
        return await self._client.execute_command(command, self.key, *(str(word) for word in words))


async def fires(client: Redis, stream: str, group: str, worker: str) -> AsyncIterator[Fire]:
    """The fires of a stream, each to one worker of the group, those first that this worker had left. A fire is
    acknowledged when the next one is asked for: place the order in between, under the fire's name."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
    position = "0"
    while True:
        read = await client.xreadgroup(group, worker, {stream: position}, count=100, block=1000)
        # RESP3 answers a map, RESP2 a list of pairs.
        batches = read.values() if isinstance(read, Mapping) else [entries for _, entries in read or []]
        entries = [entry for batch in batches for entry in _flat(batch)]
        if not entries:
            position = ">"
        for entry, fields in entries:
            if not fields:
                # Trimmed while it was left behind: nobody can tell any more what it was, and it must not come for ever.
                log.warning("the fire %s of %s was deleted before it was acknowledged", _text(entry), stream)
                await client.xack(stream, group, entry)
                continue
            fire = _map(fields)
            price = {name: Decimal(fire[name]) if fire[name] else None for name in ("level", "price")}
            yield Fire(_text(entry), fire["fire"], fire["id"], fire["cause"], payload=fire["payload"], **price)
            await client.xack(stream, group, entry)


def _flat(entries: list) -> list:
    """Entries of a stream; RESP3 may wrap them once more."""
    return entries[0] if entries and isinstance(entries[0], list) and not isinstance(entries[0], tuple) else entries


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _map(reply: Any) -> dict[str, Any]:
    """A map reply: a dict in RESP3 and of stream entries, names and values in turn in RESP2."""
    pairs = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2])
    return {_text(name): _text(value) for name, value in pairs}


def _candle(row: list) -> Candle:
    number = [Decimal(_text(value)) if isinstance(value, (bytes, str)) and at != 11 else value for at, value in enumerate(row)]
    return Candle(*number[:11], state=_text(row[11]))
