"""The manager and the monitor against a real server.

Run by run_tests.sh; LIQ_MODULE names the module, LIQ_STRESS_SECONDS the length of the stress (default 30).
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
import unittest

from liq_server import Server
from redis.exceptions import ResponseError
from redis_liquidation_manager import (
    Judgement,
    LiquidationEvent,
    LiquidationMonitor,
    OptimizedRedisManager,
    SeriesSettings,
)

STRESS_SECONDS = float(os.environ.get("LIQ_STRESS_SECONDS", "30"))
BATCHES_PER_SECOND = 20
EVENTS_PER_BATCH = 50
START = 1_737_910_800.0


class PlainBot:
    """The bot's flow without the module, by its definitions and slowly: the judgement that LIQ.ADD must give."""

    def __init__(self, settings: SeriesSettings) -> None:
        self._settings = settings
        self._events: list[LiquidationEvent] = []

    def process(self, event: LiquidationEvent) -> tuple[str, str | None]:
        if event.size < self._settings.min_liquidation_size:
            return "small", None
        now = max([event.timestamp_ms, *(held.timestamp_ms for held in self._events)])
        day = [held for held in self._events if held.timestamp_ms > now - self._settings.retention_hours * 3_600_000]
        hour = [held for held in day if held.timestamp_ms > now - self._settings.vwap_minutes * 60_000]
        self._events.append(event)
        rank = max(1, math.ceil(self._settings.percentile_threshold * len(day) / 100))
        if day and event.size < sorted(held.size for held in day)[rank - 1]:
            return "filtered", None
        signal = None
        if hour:
            vwap = sum(held.size for held in hour) / sum(held.size / held.price for held in hour)
            deviation = (event.price - vwap) / vwap * 100
            if event.side == "sell" and deviation <= -self._settings.long_vwap_offset:
                signal = "buy"
            elif event.side == "buy" and deviation >= self._settings.short_vwap_offset:
                signal = "sell"
        return "accepted", signal


def random_event(dice: random.Random, timestamp: float, symbol: str = "BTCUSDT") -> LiquidationEvent:
    size = dice.choice([100.0, 1000.0]) if dice.random() < 0.3 else round(math.exp(dice.gauss(7, 2)), 2)
    price = round(100_000 * (1 + 0.03 * math.sin(timestamp / 600) + dice.gauss(0, 0.005)), 1)
    return LiquidationEvent(
        symbol, dice.choice(["buy", "sell"]), size, price, timestamp, dice.choice(["binance", "okx"])
    )


class ManagerTest(unittest.IsolatedAsyncioTestCase):
    protocol = 3

    async def asyncSetUp(self) -> None:
        self.server = Server().__enter__()
        self.addCleanup(self.server.__exit__)
        self.manager = OptimizedRedisManager(self.server.url, protocol=self.protocol)
        self.addAsyncCleanup(self.manager.close)
        await self.manager.connect()

    async def test_a_server_without_the_module_is_told(self) -> None:
        with Server(with_module=False) as bare:
            manager = OptimizedRedisManager(bare.url, protocol=self.protocol)
            with self.assertRaisesRegex(ConnectionError, "does not have the redis-liq module"):
                await manager.connect()
            await manager.close()

    async def test_every_call_of_a_bot_answers(self) -> None:
        now = time.time()
        self.assertIsNone(await self.manager.get_vwap("BTCUSDT"))
        self.assertIsNone(await self.manager.calculate_percentile("BTCUSDT", 80))
        self.assertEqual((await self.manager.get_liquidation_stats("BTCUSDT"))["total_count"], 0)

        first = LiquidationEvent("BTCUSDT", "SELL", 1000.0, 50_000.0, now - 30, "binance")
        self.assertTrue(await self.manager.add_liquidation(first))
        self.assertFalse(await self.manager.add_liquidation(first), "the same event is stored once")
        batch = [LiquidationEvent("BTCUSDT", "BUY", 3000.0, 60_000.0, now - 20 + i, "okx") for i in range(9)]
        batch.append(LiquidationEvent("ETHUSDT", "BUY", 10.0, 3000.0, now - 5))
        self.assertEqual(await self.manager.add_liquidations_batch(batch), 10)
        self.assertEqual(await self.manager.add_liquidations_batch(batch), 0)
        self.assertEqual(await self.manager.add_liquidations_batch([]), 0)

        vwap = await self.manager.get_vwap("BTCUSDT") or {}
        self.assertEqual(vwap["volume"], 28_000.0)
        self.assertAlmostEqual(vwap["vwap"] or 0, 28_000 / (1000 / 50_000 + 27_000 / 60_000), places=6)
        self.assertEqual(await self.manager.calculate_percentile("btcusdt", 10), 1000.0)
        self.assertEqual(await self.manager.calculate_percentile("BTCUSDT", 99.9, hours=0.5), 3000.0)
        stats = await self.manager.get_liquidation_stats("BTCUSDT", window_minutes=5)
        self.assertEqual((stats["total_count"], stats["total_volume"]), (10, 28_000.0))
        self.assertEqual((stats["buy_count"], stats["sell_count"]), (9, 1))
        self.assertEqual((stats["avg_size"], stats["min_size"], stats["max_size"]), (2800.0, 1000.0, 3000.0))
        self.assertIs(stats["exact"], True)

        memory = await self.manager.get_memory_stats()
        self.assertGreater(memory["used_mb"], 0)
        self.assertEqual((memory["storage_mode"], memory["evicted_keys"]), ("normal", 0))
        self.assertTrue(await self.manager.check_memory_pressure(), "memory is fine")
        self.assertGreaterEqual(await self.manager.cleanup_old_data(), 0)
        self.assertGreaterEqual(await self.manager.cleanup_old_data(aggressive=True), 0)

    async def test_memory_that_is_short_is_not_fine(self) -> None:
        used = (await self.manager.get_memory_stats())["used_mb"]
        await self.manager._redis.config_set("maxmemory", int(used * 1.2 * 2**20))
        self.assertFalse(await self.manager.check_memory_pressure())
        await self.manager._redis.config_set("maxmemory", 0)

    async def test_memory_is_judged_by_the_modules_own_budget(self) -> None:
        await self.manager.add_liquidation(LiquidationEvent("BTCUSDT", "sell", 1000.0, 50_000.0, time.time(), "binance"))
        self.assertTrue(await self.manager.check_memory_pressure())
        await self.manager._redis.config_set("liq.memory-budget", "1kb")
        self.assertFalse(await self.manager.check_memory_pressure())
        memory = await self.manager.get_memory_stats()
        self.assertEqual(memory["budget_mb"], 1 / 1024)
        self.assertGreater(memory["used_pct"], 100)
        await self.manager._redis.config_set("liq.memory-budget", "0")
        # The mode follows within a second: the server's clock looks.
        for _ in range(600):
            if await self.manager.check_memory_pressure():
                break
            await asyncio.sleep(0.1)
        self.assertTrue(await self.manager.check_memory_pressure())

    async def test_a_bad_event_costs_only_itself(self) -> None:
        now = time.time()
        good = [LiquidationEvent(symbol, "sell", 1000.0 + i, 50_000.0, now - i, "binance")
                for i in range(5) for symbol in ("BTCUSDT", "ETHUSDT")]  # fmt: skip
        bad = [
            LiquidationEvent("BTCUSDT", "hold", 1000.0, 50_000.0, now, "binance"),
            LiquidationEvent("BTCUSDT", "sell", -1.0, 50_000.0, now, "binance"),
            LiquidationEvent("BTCUSDT", "sell", math.nan, 50_000.0, now, "binance"),
            LiquidationEvent("BTCUSDT", "sell", 1000.0, 0.0, now, "binance"),
            LiquidationEvent("BTCUSDT", "sell", 1000.0, 50_000.0, math.inf, "binance"),
            LiquidationEvent("BTCUSDT", "sell", None, 50_000.0, now, "binance"),
        ]
        with self.assertLogs("redis_liquidation_manager", "WARNING") as logged:
            self.assertEqual(await self.manager.add_liquidations_batch(good[:4] + bad + good[4:]), len(good))
        self.assertEqual(len(logged.output), len(bad))
        self.assertEqual((await self.manager.get_liquidation_stats("BTCUSDT"))["total_count"], 5)

    async def test_a_window_beyond_the_retention_is_the_retention(self) -> None:
        await self.manager.configure("BTCUSDT", SeriesSettings(retention_hours=2))
        event = LiquidationEvent("BTCUSDT", "sell", 1000.0, 50_000.0, time.time() - 60, "binance")
        self.assertTrue(await self.manager.add_liquidation(event))
        self.assertEqual(await self.manager.calculate_percentile("BTCUSDT", 80), 1000.0)
        stats = await self.manager.get_liquidation_stats("BTCUSDT", window_minutes=100_000)
        self.assertEqual(stats["total_count"], 1)
        for name in ("first", "last"):
            if name in stats:
                self.assertAlmostEqual(stats[name], event.timestamp, delta=0.001)
        with self.assertRaises(ResponseError):
            await self.manager.get_liquidation_stats("BTCUSDT", window_minutes=0)

    async def test_the_settings_of_the_environment(self) -> None:
        environment = {
            "PERCENTILE_THRESHOLD": "90", "MIN_LIQUIDATION_SIZE_BTC": "10000", "MIN_LIQUIDATION_SIZE_DEFAULT": "1000",
            "LONG_VWAP_OFFSET": "1.5", "SHORT_VWAP_OFFSET": "0.5",
        }  # fmt: skip
        settings = SeriesSettings.from_environment("BTCUSDT", environment)
        self.assertEqual(settings, SeriesSettings(90, 10_000, 1.5, 0.5))
        self.assertEqual(SeriesSettings.from_environment("SOLUSDT", environment).min_liquidation_size, 1000)
        off = {"ENABLE_PERCENTILE_FILTER": "false", "VWAP_ENABLED": "0"}
        self.assertEqual(SeriesSettings.from_environment("BTCUSDT", off), SeriesSettings(0, 0, 0, 0))
        self.assertEqual(SeriesSettings.from_environment("BTCUSDT", {}), SeriesSettings())
        for wrong in ({"PERCENTILE_THRESHOLD": "many"}, {"VWAP_ENABLED": "perhaps"}, {"LONG_VWAP_OFFSET": "-1"}):
            with self.assertRaisesRegex(ValueError, next(iter(wrong))):
                SeriesSettings.from_environment("BTCUSDT", wrong)
        await self.manager.configure("BTCUSDT", settings)

    async def test_one_liq_add_is_the_whole_flow_of_the_bot(self) -> None:
        settings = SeriesSettings(
            percentile_threshold=80, min_liquidation_size=50, long_vwap_offset=1, short_vwap_offset=1.5, clock="EVENT"
        )
        signals: list[tuple[LiquidationEvent, str | None]] = []

        async def trade(event: LiquidationEvent, judgement: Judgement) -> None:
            signals.append((event, judgement.signal))

        monitor = LiquidationMonitor(self.manager, trade, settings)
        plain = PlainBot(settings)
        dice = random.Random(7)
        expected_signals = []
        timestamp = START
        for _ in range(1500):
            timestamp += dice.randrange(1, 60_000) / 1000
            event = random_event(dice, timestamp)
            status, signal = plain.process(event)
            judgement = await monitor.process(event)
            self.assertEqual((judgement.status, judgement.signal), (status, signal), event)
            if signal is not None:
                expected_signals.append((event, signal))
        self.assertEqual(signals, expected_signals)
        self.assertTrue(
            expected_signals and all(monitor.counts[status] for status in ("accepted", "filtered", "small"))
        )

    async def test_changed_settings_keep_the_data(self) -> None:
        await self.manager.configure("BTCUSDT", SeriesSettings(percentile_threshold=50))
        event = LiquidationEvent("BTCUSDT", "sell", 1000.0, 50_000.0, time.time(), "binance")
        self.assertTrue(await self.manager.add_liquidation(event))
        await self.manager.configure("BTCUSDT", SeriesSettings(percentile_threshold=99.5, min_liquidation_size=10))
        self.assertEqual((await self.manager.get_liquidation_stats("BTCUSDT"))["total_count"], 1)
        small = LiquidationEvent("BTCUSDT", "sell", 9.0, 50_000.0, time.time(), "binance")
        self.assertEqual((await self.manager.judge_liquidation(small)).status, "small")


class ManagerTestResp2(ManagerTest):
    """The same in RESP2, which flattens maps and writes doubles as text."""

    protocol = 2


class StressTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_steady_stream_of_batches_is_stored_without_loss(self) -> None:
        with Server() as server:
            manager = OptimizedRedisManager(server.url)
            try:
                await self._stress(manager)
            finally:
                await manager.close()

    async def _stress(self, manager: OptimizedRedisManager) -> None:
        dice = random.Random(1)
        symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
        sent: dict[str, list[float]] = {symbol: [] for symbol in symbols}
        latencies_ms = []
        stored = 0
        first_ms = int(time.time() * 1000)
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(round(STRESS_SECONDS * BATCHES_PER_SECOND)):
            await asyncio.sleep(max(0.0, started + number / BATCHES_PER_SECOND - loop.time()))
            batch = []
            for place in range(EVENTS_PER_BATCH):
                # Every event has a millisecond of its own within its batch, so that no two are equal.
                timestamp = (first_ms + number * EVENTS_PER_BATCH + place) / 1000
                event = random_event(dice, timestamp, symbols[(number + place) % len(symbols)])
                sent[event.symbol].append(event.size)
                batch.append(event)
            before = loop.time()
            stored += await manager.add_liquidations_batch(batch)
            latencies_ms.append((loop.time() - before) * 1000)
            if number % BATCHES_PER_SECOND == 0:
                await manager.check_memory_pressure()
        self.assertEqual(stored, sum(map(len, sent.values())))
        for symbol, sizes in sent.items():
            stats = await manager.get_liquidation_stats(symbol)
            self.assertEqual(stats["total_count"], len(sizes))
            self.assertAlmostEqual(stats["total_volume"] / sum(sizes), 1, places=9)
            for p in (50, 80, 95, 99):
                exact = sorted(sizes)[max(1, math.ceil(p * len(sizes) / 100)) - 1]
                found = await manager.calculate_percentile(symbol, p)
                self.assertIsNotNone(found)
                self.assertLessEqual(
                    abs((found or 0) / exact - 1), 2**-8, f"p{p} of {symbol}: {found}, exactly {exact}"
                )
        latencies_ms.sort()
        p50, p99 = (latencies_ms[int(len(latencies_ms) * part)] for part in (0.5, 0.99))
        print(f"\n{stored} events in {len(latencies_ms)} batches; per batch p50 {p50:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    unittest.main()
