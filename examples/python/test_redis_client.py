"""The cache drop-in against a real server. Prints what the bots' own test of it prints."""

from __future__ import annotations

import contextlib
import io
import pathlib
import re
import signal
import time
import unittest

from liq_server import Server
from shared.redis_client import (
    RedisCacheManager,
    buffer_signal,
    cache_market_data,
    get_cached_market_data,
    get_recent_signals,
)

EXPECTED = pathlib.Path(__file__).resolve().parents[3] / "shared/data/bots/cache_test_expected_output.txt"


def headline(text: str) -> None:
    print(f"\n{'=' * 61}\n{text}\n{'=' * 61}")


async def suite(url: str) -> None:
    """What a bot's author runs by hand."""
    print(f"╔{'=' * 58}╗\n║{'REDIS CLIENT TEST SUITE':^58}║\n╚{'=' * 58}╝")
    cache = RedisCacheManager(redis_url=url)
    headline("Testing Redis Connection")
    assert await cache.connect()
    print("✅ Connected to Redis successfully")
    print(f"✅ Ping successful: {await cache.ping()}")
    headline("Testing Basic Operations")
    value = {"message": "Hello Redis!", "timestamp": time.strftime("%FT%T")}
    print(f"✅ Set operation: {await cache.set('test:key', value, ttl=60)}")
    print(f"✅ Get operation: {await cache.get('test:key')}")
    print(f"✅ Exists check: {await cache.exists('test:key')} key(s) found")
    print(f"✅ TTL: {await cache.ttl('test:key')} seconds remaining")
    print(f"✅ Delete operation: {await cache.delete('test:key')} key(s) deleted")
    headline("Testing Market Data and Signals")
    print(f"✅ Cached: {await cache_market_data(cache, 'BTCUSDT', {'price': 45000.5})}")
    print(f"✅ Read: {await get_cached_market_data(cache, 'BTCUSDT')}")
    print(f"✅ Buffered: {await buffer_signal(cache, {'symbol': 'BTCUSDT'})}")
    print(f"✅ Recent: {await get_recent_signals(cache)}")
    await cache.disconnect()
    print("\n✅ ALL TESTS PASSED!")


class CacheTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.server = Server(with_module=False).__enter__()
        self.addCleanup(self.server.__exit__)
        self.cache = RedisCacheManager(self.server.url)
        self.addAsyncCleanup(self.cache.disconnect)

    async def test_it_prints_what_the_bots_test_prints(self) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            await suite(self.server.url)
        if not EXPECTED.is_file():
            self.skipTest("no ../shared/data/bots")
        begin, end = (part.strip() for part in EXPECTED.read_text().split("... (more tests)"))

        def plain(text: str) -> list[str]:
            text = re.sub(r"'timestamp': '[^']*'", "'timestamp': '...'", text)
            # How wide a person drew a box is no promise.
            lines = (re.sub(r"=+", "=", re.sub(r"\s+", " ", line)).strip() for line in text.splitlines())
            return [line for line in lines if line]

        lines = plain(printed.getvalue())
        self.assertEqual(lines[: len(plain(begin))], plain(begin))
        self.assertEqual(lines[-1:], plain(end))

    async def test_values_come_back_and_go_after_their_time(self) -> None:
        for value in ({"a": [1, 2.5, None, "ü"]}, [], "text", 0, False, None):
            self.assertTrue(await self.cache.set("key", value, ttl=300))
            self.assertEqual(await self.cache.get("key"), value)
        self.assertTrue(290 <= await self.cache.ttl("key") <= 300)
        self.assertTrue(await self.cache.set("key", 1))
        self.assertEqual(await self.cache.ttl("key"), -1)
        self.assertTrue(await self.cache.expire("key", 5))
        self.assertEqual((await self.cache.delete("key", "other"), await self.cache.delete()), (1, 0))
        self.assertEqual((await self.cache.get("key"), await self.cache.ttl("key")), (None, -2))
        await self.cache.redis.set("key", "no JSON")
        self.assertIsNone(await self.cache.get("key"))
        for bad in (float("nan"), object()):
            with self.assertRaises((TypeError, ValueError)):
                await self.cache.set("key", bad)

    async def test_the_last_signals_are_kept_the_newest_first(self) -> None:
        for number in range(1500):
            self.assertTrue(await buffer_signal(self.cache, {"number": number}))
        recent = await get_recent_signals(self.cache, count=3)
        self.assertEqual([signal["number"] for signal in recent], [1499, 1498, 1497])
        self.assertLess(len(await get_recent_signals(self.cache, count=5000)), 1200)

    async def test_a_refused_command_stops_no_other(self) -> None:
        await self.cache.redis.rpush("list", 1)
        with self.assertLogs("shared.redis_client", "WARNING") as logged:
            for number in range(3):
                self.assertIsNone(await self.cache.get("list"))
                self.assertTrue(await self.cache.set("key", number))
                self.assertEqual(await self.cache.get("key"), number)
        self.assertEqual(len(logged.output), 1)
        self.assertIn("refused get: WRONGTYPE", logged.output[0])

    async def test_while_redis_is_away_nothing_raises_and_nothing_is_made_up(self) -> None:
        self.assertTrue(await self.cache.set("key", 1))
        self.server._process.send_signal(signal.SIGSTOP)
        with self.assertLogs("shared.redis_client", "WARNING") as logged:
            for _ in range(20):
                self.assertIsNone(await self.cache.get("key"))
            self.assertFalse(await self.cache.set("key", 2))
            self.assertEqual(await get_recent_signals(self.cache), [])
        self.assertEqual(len(logged.output), 1)
        self.server._process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 60
        while await self.cache.get("key") is None and time.monotonic() < deadline:
            pass
        self.assertIn(await self.cache.get("key"), (1, 2))
        bare = RedisCacheManager("redis://127.0.0.1:1")
        self.assertFalse(await bare.connect())
        self.assertFalse(await bare.set("key", 1))
        await bare.disconnect()


if __name__ == "__main__":
    unittest.main()
