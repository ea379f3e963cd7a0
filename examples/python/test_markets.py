"""Markets from Python against a real server, in RESP2 and RESP3; LIQ_MODULE names the module. Run by ./test."""

from __future__ import annotations

import contextlib
import unittest
from decimal import Decimal

from liq_server import Server
from markets import Fire, Market, fires
from redis.asyncio import from_url

START = 1_723_161_300_000
#: Two minutes as an exchange's REST interface answers them, the first of them from before the feed began.
KLINES = [
    [START - 60_000, "61800.10", "61810.00", "61790.00", "61795.50", "10.5", START - 1, "648900.25", 77, "4.5", "278101.2", "0"],
    [START, "61795.50", "61800.00", "61700.00", "61755.60", "20.25", START + 59_999, "1250700.125", 90, "9", "555901", "0"],
]  # fmt: skip


class MarketTest(unittest.IsolatedAsyncioTestCase):
    protocol = 3

    async def asyncSetUp(self) -> None:
        self.server = self.enterContext(Server())
        self.client = from_url(self.server.url, protocol=self.protocol)
        self.market = Market(self.client, "BTCUSDT")
        await self.market.create(order="ID", clock="EVENT", fires="fires:{BTCUSDT}")

    async def asyncTearDown(self) -> None:
        await self.client.aclose()

    async def test_live_trades_and_rest_candles_make_one_chart(self) -> None:
        market = self.market
        # Subscribed within a minute, trade 4 lost at a reconnect.
        self.assertEqual(await market.trade(START + 30_000, "buy", "61755.70", "0.012", id=1), "accepted")
        self.assertEqual(await market.trade(START + 30_000, "buy", "61755.70", "0.012", id=1), "duplicate")
        counts = await market.trades([
            (START + 59_000, "sell", "61755.60", 1, 2),
            (START + 61_000, "sell", "61760", "0.5", 3),
            (START + 125_000, "buy", "61770.5", "2", 5),
        ])
        self.assertEqual((counts["accepted"], counts["closed"]), (3, 2))
        self.assertEqual([row.state for row in await market.candles("1m")], ["partial", "partial", "open"])
        self.assertIn((START + 61_000, START + 125_000), await market.gaps())
        # Then REST: the first minute is the exchange's.
        counts = await market.backfill(KLINES)
        self.assertEqual((counts["inserted"], counts["replaced"]), (1, 1))
        before, first, second, third = await market.candles("1m")
        self.assertEqual([row.state for row in (before, first, second, third)], ["closed", "closed", "partial", "open"])
        self.assertEqual((first.open, first.volume, first.trades), (Decimal("61795.5"), Decimal("20.25"), 90))
        self.assertEqual((third.close, third.quote_volume), (Decimal("61770.5"), Decimal("123541")))
        # The trade comes late after all: nothing is missing any more.
        self.assertEqual(await market.trade(START + 70_000, "buy", "61761", "0.1", id=4), "amended")
        self.assertEqual((await market.candles("1m"))[2].state, "closed")
        hours = await market.candles("1h", closed=True)
        self.assertEqual(hours, [])
        flat = await market.candles("1m", fill=True)
        self.assertEqual([row.state for row in flat], ["closed", "closed", "closed", "open"])

    async def test_a_price_knows_its_age(self) -> None:
        market = self.market
        self.assertIsNone(await market.price())
        await market.trade(START, "buy", "61755.70", "0.012", id=1)
        await market.quote(START + 1_000, bid=("61755.6", 2), ask=("61755.7", "0.5"), mark="61750.31")
        mid = await market.price("mid")
        self.assertEqual((mid.price, mid.timestamp, mid.stale), (Decimal("61755.65"), START + 1_000, False))
        await market.trade(START + 20_000, "sell", "61760.10", "0.3", id=2)
        mark = await market.price("mark")
        self.assertEqual((mark.age_ms, mark.stale), (19_000, True))
        self.assertIsNone(await market.price("mark", max_age="5s"))
        self.assertEqual((await market.price(max_age="5s")).price, Decimal("61760.1"))

    async def test_a_stop_fires_at_the_tick_and_is_handled_once(self) -> None:
        # Fires are judged by fresh prices: a market by the server's clock.
        market = Market(self.client, "ETHUSDT")
        await market.create(fires="fires:{ETHUSDT}")
        await market.trade("*", "buy", 2655, 1)
        self.assertEqual(await market.set_stop("u1:p7", "LONG", sl=2600, tp=2750, payload="qty=0.5"), "armed")
        self.assertEqual(await market.set_stop("u2:p9", "LONG", sl=2500), "armed")
        await market.trade("*", "sell", "2599.90", 3)
        seen: list[Fire] = []
        # The first worker dies before it has acknowledged; started again under its name it gets the fire again.
        for _ in range(2):
            worker = fires(self.client, "fires:{ETHUSDT}", "orders", "worker-1")
            seen.append(await anext(worker))
            await worker.aclose()
        self.assertEqual(seen[0], seen[1])
        fire = seen[0]
        self.assertEqual((fire.id, fire.cause, fire.payload), ("u1:p7", "sl", "qty=0.5"))
        self.assertEqual((fire.level, fire.price), (Decimal(2600), Decimal("2599.9")))
        self.assertTrue(fire.name.startswith("u1:p7:"))
        self.assertFalse(await market.delete_stop("u1:p7"), "it has fired")
        self.assertTrue(await market.delete_stop("u2:p9"))

    async def test_a_fire_that_was_trimmed_holds_up_none_behind_it(self) -> None:
        market = Market(self.client, "SOLUSDT")
        stream = "fires:{SOLUSDT}"
        await market.create(fires=stream)
        await market.trade("*", "buy", 150, 1)
        ids = []
        for sl in (140, 130):
            await market.set_stop(f"at{sl}", "LONG", sl=sl)
        for price, handled in ((139, contextlib.nullcontext()), (129, self.assertLogs("markets", "WARNING"))):
            await market.trade("*", "sell", price, 1)
            worker = fires(self.client, stream, "orders", "worker-1")
            with handled:
                ids.append((await anext(worker)).id)
            await worker.aclose()
            if price == 139:
                # Read, not acknowledged, and gone.
                await self.client.xtrim(stream, maxlen=0)
        self.assertEqual(ids, ["at140", "at130"])
        self.assertEqual((await self.client.xpending(stream, "orders"))["pending"], 1, "the second is under way")


class MarketResp2Test(MarketTest):
    protocol = 2


if __name__ == "__main__":
    unittest.main()
