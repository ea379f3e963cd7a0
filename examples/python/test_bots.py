"""Existing bots' code, unchanged, on the drop-ins: from ../shared/data/bots beside the repository, where that is there.

A module of the name the bot imports passes the drop-in on; only the server's address is the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import os
import pathlib
import re
import sys
import textwrap
import time
import types
import unittest
from datetime import datetime
from unittest import mock

import redis_liquidation_manager
from liq_server import Server
from shared import redis_client

BOTS = pathlib.Path(__file__).resolve().parents[3] / "shared/data/bots"
STRESS_SECONDS = float(os.environ.get("LIQ_STRESS_SECONDS", "30"))


def needs(name: str) -> pathlib.Path:
    path = BOTS / name
    if not path.is_file():
        raise unittest.SkipTest(f"no {name} in ../shared/data/bots")
    return path


def module_named(name: str, **contents: object) -> contextlib.AbstractContextManager[object]:
    """Makes ``import name`` find these contents."""
    parts = name.split(".")
    modules = {".".join(parts[: end + 1]): types.ModuleType(parts[end]) for end in range(len(parts))}
    vars(modules[name]).update(contents)
    return mock.patch.dict(sys.modules, modules)


def load(path: pathlib.Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class LiquidationBot(unittest.IsolatedAsyncioTestCase):
    def bot(self, server: Server, path: pathlib.Path) -> types.ModuleType:
        class Manager(redis_liquidation_manager.OptimizedRedisManager):
            def __init__(self, _url: str) -> None:
                super().__init__(server.url)

        event = redis_liquidation_manager.LiquidationEvent
        name = "app.services.redis_liquidation_manager"
        with module_named(name, OptimizedRedisManager=Manager, LiquidationEvent=event):
            return load(path)

    async def test_the_nine_steps_of_its_integration_test(self) -> None:
        path = needs("test_redis_integration.py")
        with Server() as server:
            bot = self.bot(server, path)
            # Its stress takes half a minute of its own clock.
            started, factor = time.time(), 30 / max(STRESS_SECONDS, 0.1)
            clock = types.SimpleNamespace(time=lambda: started + (time.time() - started) * factor)
            printed = io.StringIO()
            with mock.patch.object(bot, "time", clock), contextlib.redirect_stdout(printed):
                await bot.test_integration()
        text = printed.getvalue()
        self.assertIn("✓ Single event stored: True", text)
        self.assertRegex(text, r"Batch stored: (100|9\d)/100 events")
        self.assertRegex(text, r"VWAP: \$4\d{4}\.\d\d \(Volume: \d+\)")
        self.assertRegex(text, r"80th percentile: \$\d+")
        self.assertRegex(text, r"Total liquidations: [1-9]\d*")
        self.assertIn("✓ Evicted keys: 0", text)
        self.assertIn("All tests completed successfully!", text)
        print(re.search(r"Stored \d+ events.*", text).group())

    async def test_its_monitor(self) -> None:
        path = needs("liquidation_monitor_optimized.py")
        with Server() as server:
            monitor = self.bot(server, path).OptimizedLiquidationMonitor({"percentile_threshold": 80})
            tasks = asyncio.all_tasks()
            await monitor.initialize()
            now = time.time()
            for number in range(300):
                await monitor.process_liquidation(
                    {"symbol": "BTCUSDT", "side": "buy", "size": 10_000 + number, "price": 42_000, "time": now - 400 + number}
                )
            await monitor.process_batch()
            signal = await monitor.process_liquidation(
                {"symbol": "BTCUSDT", "side": "sell", "size": 500_000, "price": 40_000, "time": now - 1}
            )
            self.assertEqual((signal["side"], signal["entry_reason"]), ("buy", "liquidation_long"))
            self.assertAlmostEqual(signal["vwap_deviation"], -100 * 2000 / 42_000, places=1)
            await monitor.process_batch()
            # Sizes rise, so each is above the percentile of those before it.
            self.assertEqual(monitor.stats, {"processed": 301, "filtered": 0, "stored": 301, "memory_rejections": 0})
            stats = await monitor.get_liquidation_stats("BTCUSDT")
            self.assertEqual((stats["total_count"], stats["buy_count"]), (301, 300))
            self.assertTrue(await monitor.redis_manager.check_memory_pressure(), "it cleans up gently")
            # It never ends its background tasks.
            for task in asyncio.all_tasks() - tasks:
                task.cancel()
            await monitor.close()


class CacheServices(unittest.IsolatedAsyncioTestCase):
    async def test_every_snippet(self) -> None:
        text = needs("cache_services.py.txt").read_text()
        snippets = re.split(r"^# --- snippet \d+\n", text, flags=re.MULTILINE)[1:]
        self.assertEqual(len(snippets), 6)
        with Server(with_module=False) as server:
            created = []

            class Manager(redis_client.RedisCacheManager):
                def __init__(self, redis_url: str, **options: object) -> None:
                    super().__init__(server.url, **options)
                    created.append(self)

            settings = types.SimpleNamespace(REDIS_URL=server.url)
            names = {"datetime": datetime, "settings": settings}
            functions = {name: getattr(redis_client, name) for name in redis_client.__all__}
            with module_named("shared.redis_client", **(functions | {"RedisCacheManager": Manager})):
                for snippet in snippets:
                    body = textwrap.dedent(snippet)
                    code = compile(body, "snippet", "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT)
                    result = eval(code, names)  # noqa: S307
                    if asyncio.iscoroutine(result):
                        await result
            self.assertEqual(names["value"], {"data": "value"})
            self.assertEqual(names["cached"], names["market_data"])
            self.assertEqual(names["recent"][0], names["signal"])
            await self.check_services(names)
            for manager in created:
                await manager.disconnect()

    async def check_services(self, names: dict) -> None:
        service = names["MarketDataService"]()
        service.database = mock.AsyncMock()
        service.database.get_onchain_metrics.return_value = {"active": 7}
        await service.startup()
        for _ in range(3):
            self.assertEqual(await service.get_onchain_metrics("BTC"), {"active": 7})
        service.database.get_onchain_metrics.assert_awaited_once_with("BTC")
        self.assertLessEqual(await service.cache.ttl("onchain_metrics:BTC"), 300)
        risk = names["RiskPostgresDatabase"]()
        risk._fetch_backtest_from_db = mock.AsyncMock(return_value=[1, 2])
        for _ in range(2):
            self.assertEqual(await risk.get_backtest_results("s1"), [1, 2])
        risk._fetch_backtest_from_db.assert_awaited_once()
        self.assertGreater(await risk.cache.ttl("backtest:s1"), 86_000)
        await risk.cache.disconnect()
        await service.cache.disconnect()


# From CPython's compile flags: lets a snippet await at its top.
PyCF_ALLOW_TOP_LEVEL_AWAIT = 0x2000

if __name__ == "__main__":
    unittest.main()
