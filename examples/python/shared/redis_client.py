"""Drop-in cache for bots that import ``shared.redis_client``: plain Redis, redis-py asyncio.

What lives here: JSON values with an expiry, market data, and the last signals. A cache is a comfort: while Redis is away
a read answers None and a write False, and says so in the log once, as for a command that Redis refuses; nothing waits
longer than ``timeout`` seconds, and nothing is made up. What does not live here: locks, queues and loads that only one
process makes; the Rust crate redis-liq-desk has those.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

__all__ = ["RedisCacheManager", "buffer_signal", "cache_market_data", "get_cached_market_data", "get_recent_signals"]

log = logging.getLogger(__name__)

SIGNALS = "signals:recent"
"""A stream of the last signals, each a field ``json``."""
SIGNALS_KEPT = 1000
_AWAY_SECONDS = 0.5
"""So long nobody asks again after a failure."""
_ABSENCES = (redis.BusyLoadingError, redis.ConnectionError, redis.TimeoutError, OSError)
"""What says that the server is away; what else goes wrong is one command's."""


class RedisCacheManager:
    """Values by key, written as JSON, gone after their time."""

    def __init__(
        self, redis_url: str = "redis://localhost:6379", max_connections: int = 20, *, timeout: float = 0.25
    ) -> None:
        self._pool = redis.BlockingConnectionPool.from_url(
            redis_url,
            max_connections=max_connections,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            decode_responses=True,
        )
        self.redis = redis.Redis(connection_pool=self._pool)
        self._away_until = 0.0
        self._is_away = False
        self._refused: set[str] = set()

    async def connect(self) -> bool:
        """Whether the server answers. Where it does not, everything works once it does."""
        return await self.ping()

    async def disconnect(self) -> None:
        """Closes all connections."""
        await self.redis.aclose()
        await self._pool.disconnect()

    async def ping(self) -> bool:
        """Whether the server answers."""
        return bool(await self._do("ping", False))

    async def set(self, key: str, value: Any, ttl: int | None = None) -> bool:
        """Stores what JSON can hold, for ``ttl`` seconds or for good; whether it is stored."""
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        return bool(await self._do("set", False, key, text, ex=ttl))

    async def get(self, key: str) -> Any:
        """The value, or None: no such key, gone, not JSON, or Redis is away."""
        text = await self._do("get", None, key)
        try:
            return None if text is None else json.loads(text)
        except ValueError:
            log.warning("%s holds no JSON", key)
            return None

    async def delete(self, *keys: str) -> int:
        """How many of the keys were there."""
        return int(await self._do("delete", 0, *keys)) if keys else 0

    async def exists(self, *keys: str) -> int:
        """How many of the keys are there."""
        return int(await self._do("exists", 0, *keys)) if keys else 0

    async def ttl(self, key: str) -> int:
        """Seconds left; -1 without expiry, -2 without key or Redis."""
        return int(await self._do("ttl", -2, key))

    async def expire(self, key: str, ttl: int) -> bool:
        """Gives a key another expiry; whether it is there."""
        return bool(await self._do("expire", False, key, ttl))

    async def _do(self, command: str, otherwise: Any, *arguments: Any, **options: Any) -> Any:
        if time.monotonic() < self._away_until:
            return otherwise
        try:
            reply = await getattr(self.redis, command)(*arguments, **options)
        except _ABSENCES as error:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            if not self._is_away:
                self._is_away = True
                log.warning("redis is away: %s", error)
            return otherwise
        except RedisError as error:
            if command not in self._refused:
                self._refused.add(command)
                log.warning("redis refused %s: %s", command, error)
            return otherwise
        if self._is_away:
            self._is_away = False
            log.info("redis is back")
        return reply


async def cache_market_data(cache: RedisCacheManager, symbol: str, data: dict[str, Any], ttl: int = 30) -> bool:
    """Keeps what is known of a symbol for ``ttl`` seconds."""
    return await cache.set(f"market:data:{symbol}", data, ttl=ttl)


async def get_cached_market_data(cache: RedisCacheManager, symbol: str) -> dict[str, Any] | None:
    """What is known of a symbol, or None."""
    return await cache.get(f"market:data:{symbol}")


async def buffer_signal(cache: RedisCacheManager, signal: dict[str, Any]) -> bool:
    """Appends a signal; about the last 1,000 are kept."""
    fields = {"json": json.dumps(signal, separators=(",", ":"), allow_nan=False)}
    return await cache._do("xadd", None, SIGNALS, fields, maxlen=SIGNALS_KEPT, approximate=True) is not None


async def get_recent_signals(cache: RedisCacheManager, count: int = 100) -> list[dict[str, Any]]:
    """The last signals, the newest first."""
    entries = await cache._do("xrevrange", [], SIGNALS, count=count)
    return [json.loads(fields["json"]) for _, fields in entries if "json" in fields]
