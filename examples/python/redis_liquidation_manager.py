"""Drop-in storage for liquidation bots on redis-py asyncio, backed by the redis-liq module.

The bot keeps its calls; every one of them is a single LIQ command, answered by the server in one go. What lives here:
the manager, and a monitor that shows the bot's whole flow (minimum size, percentile filter, VWAP signal) as one
LIQ.ADD. What does not: exchange connections and orders.

Python 3.10 or newer, redis-py (see requirements.txt), a server with the redis-liq module.
"""

from __future__ import annotations

import logging
import math
import os
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from redis.exceptions import ResponseError

log = logging.getLogger(__name__)

__all__ = ["Judgement", "LiquidationEvent", "LiquidationMonitor", "OptimizedRedisManager", "SeriesSettings"]


@dataclass(frozen=True, slots=True)
class LiquidationEvent:
    """One liquidation."""

    symbol: str
    side: str
    """Side of the forced order, in any case: ``buy`` or ``sell`` (``sell``: a long was liquidated)."""
    size: float
    """Notional in the quote currency (USD for BTCUSDT)."""
    price: float
    timestamp: float
    """Unix time in seconds."""
    exchange: str = ""

    @property
    def timestamp_ms(self) -> int:
        """Unix time in milliseconds, as the module counts it."""
        return round(self.timestamp * 1000)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What LIQ.ADD says of an event, judged against everything before it."""

    status: str
    """``accepted``, ``filtered`` (stored, but below the threshold), or why it was not stored: ``small``, ``duplicate``,
    ``late``, ``future``."""
    rank: float | None
    """Percent of the window's events at or below this size."""
    threshold: float | None
    """The size from which events are accepted."""
    vwap: float | None
    deviation: float | None
    """(price - vwap) / vwap in percent."""
    signal: str | None
    """``buy`` or ``sell``: the side to trade."""

    @property
    def stored(self) -> bool:
        return self.status in ("accepted", "filtered")


@dataclass(frozen=True, slots=True)
class SeriesSettings:
    """How a symbol is filtered and signalled; the names are those of the bot's environment variables."""

    percentile_threshold: float = 80
    """Events below this percentile of the window are filtered; 0 is off."""
    min_liquidation_size: float = 0
    long_vwap_offset: float = 2
    """Percent below the VWAP at which liquidated longs signal a buy."""
    short_vwap_offset: float = 2
    retention_hours: float = 24
    vwap_minutes: float = 60
    clock: str = "SERVER"
    """``EVENT`` for replays: time is then that of the newest event."""

    @classmethod
    def from_environment(cls, symbol: str, environment: Mapping[str, str] = os.environ) -> SeriesSettings:
        """The bot's own variables: ``ENABLE_PERCENTILE_FILTER``, ``PERCENTILE_THRESHOLD``, ``MIN_LIQUIDATION_SIZE_BTC``
        (the beginning of the symbol; the longest that fits, else ``_DEFAULT``), ``VWAP_ENABLED``, ``LONG_VWAP_OFFSET``,
        ``SHORT_VWAP_OFFSET``."""

        def number(name: str, default: float) -> float:
            text = environment.get(name, "").strip()
            try:
                value = float(text) if text else default
            except ValueError:
                value = math.nan
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"{name}: must be a number from 0, got {text!r}")
            return value

        def switch(name: str) -> bool:
            text = environment.get(name, "").strip().lower()
            if text in ("", "1", "true", "yes", "on"):
                return True
            if text in ("0", "false", "no", "off"):
                return False
            raise ValueError(f"{name}: must be true or false, got {text!r}")

        prefix = "MIN_LIQUIDATION_SIZE_"
        sizes = [name for name in environment if name.startswith(prefix)]
        fitting = [name for name in sizes if name != prefix and symbol.upper().startswith(name.removeprefix(prefix))]
        minimum = max(fitting, key=len, default=f"{prefix}DEFAULT")
        has_filter, has_vwap = switch("ENABLE_PERCENTILE_FILTER"), switch("VWAP_ENABLED")
        return cls(
            percentile_threshold=number("PERCENTILE_THRESHOLD", 80) if has_filter else 0,
            min_liquidation_size=number(minimum, 0),
            # An offset of 0 turns the signals of its side off.
            long_vwap_offset=number("LONG_VWAP_OFFSET", 2) if has_vwap else 0,
            short_vwap_offset=number("SHORT_VWAP_OFFSET", 2) if has_vwap else 0,
        )

    def arguments(self) -> list[str | float]:
        return [
            "RETENTION", _milliseconds(hours=self.retention_hours),
            "PERCENTILE", _plain(self.percentile_threshold),
            "MINSIZE", _plain(self.min_liquidation_size),
            "VWAPWINDOW", _milliseconds(minutes=self.vwap_minutes),
            "LONGOFFSET", _plain(self.long_vwap_offset),
            "SHORTOFFSET", _plain(self.short_vwap_offset),
        ]  # fmt: skip


class OptimizedRedisManager:
    """Stores liquidations and answers questions about them; one LIQ command per method."""

    def __init__(
        self,
        url: str | None = None,
        *,
        pool_size: int | None = None,
        key_format: str = "liq:{{{symbol}}}",
        protocol: int = 3,
    ) -> None:
        """``url`` and ``pool_size`` are those of ``REDIS_URL`` and ``REDIS_POOL_SIZE`` unless given (else this machine, 10).
        ``key_format`` turns a symbol into a key: ``liq:{BTCUSDT}``, whose braces choose the slot in a cluster."""
        url = url or os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
        pool_size = pool_size or int(os.environ.get("REDIS_POOL_SIZE") or 10)
        self._pool = redis.ConnectionPool.from_url(
            url, max_connections=pool_size, protocol=protocol, decode_responses=True
        )
        self._redis = redis.Redis(connection_pool=self._pool)
        self._key_format = key_format
        # A batch that redis-py sends again after a lost reply carries the same number, and so counts once.
        self._producer = f"bot-{uuid.uuid4().hex}"
        self._batches_sent = 0
        self._has_memory_commands = True

    async def connect(self) -> None:
        """Checks that the server answers and has the module."""
        try:
            await self._redis.execute_command("LIQ.VWAP", self.key("connect"))
        except ResponseError as error:
            if _is_unknown_command(error):
                raise ConnectionError("the server does not have the redis-liq module loaded") from error
            raise

    async def close(self) -> None:
        """Closes all connections."""
        await self._redis.aclose()
        await self._pool.disconnect()

    def key(self, symbol: str) -> str:
        """The key of a symbol's series."""
        return self._key_format.format(symbol=symbol.upper())

    async def configure(self, symbol: str, settings: SeriesSettings) -> None:
        """Creates the symbol's series, or changes it keeping its data. Without this the module's defaults hold."""
        arguments = settings.arguments()
        try:
            await self._redis.execute_command("LIQ.CREATE", self.key(symbol), *arguments, "CLOCK", settings.clock)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise
            await self._redis.execute_command("LIQ.ALTER", self.key(symbol), *arguments)

    async def judge_liquidation(self, event: LiquidationEvent) -> Judgement:
        """LIQ.ADD: stores the event and says everything about it."""
        arguments = ["LIQ.ADD", self.key(event.symbol), *_fields(event)]
        if event.exchange:
            arguments += ["EXCHANGE", event.exchange]
        reply = _map(await self._redis.execute_command(*arguments))
        return Judgement(
            status=reply["status"],
            rank=_number(reply["rank"]),
            threshold=_number(reply["threshold"]),
            vwap=_number(reply["vwap"]),
            deviation=_number(reply["deviation"]),
            signal=reply["signal"],
        )

    async def add_liquidation(self, event: LiquidationEvent) -> bool:
        """LIQ.ADD: whether the event was stored, which duplicates and events below the minimum size are not."""
        return (await self.judge_liquidation(event)).stored

    async def add_liquidations_batch(self, events: Iterable[LiquidationEvent]) -> int:
        """LIQ.MADD: how many events were stored. One round trip; one command per symbol and exchange.

        The server refuses a command with a bad event as a whole. Its events are then sent one by one: the good ones
        are stored, the bad ones are logged and not counted, as a bot expects that counts what was stored."""
        groups: dict[tuple[str, str], list[LiquidationEvent]] = {}
        for event in events:
            groups.setdefault((event.symbol, event.exchange), []).append(event)
        stored, refused = await self._send_batches(list(groups.values()))
        again, bad = await self._send_batches([[event] for group, _ in refused for event in group])
        for (event,), error in bad:
            log.warning("%r was refused: %s", event, error)
        return stored + again

    async def _send_batches(
        self, groups: list[list[LiquidationEvent]]
    ) -> tuple[int, list[tuple[list[LiquidationEvent], Exception]]]:
        """How many events were stored, and the groups that were refused."""
        stored, refused, sent = 0, [], []
        if not groups:
            return stored, refused
        async with self._redis.pipeline(transaction=False) as pipeline:
            for group in groups:
                try:
                    fields = [field for event in group for field in _fields(event)]
                except (AttributeError, OverflowError, TypeError, ValueError) as error:
                    # No number, infinite, no text: it cannot even be written.
                    refused.append((group, error))
                    continue
                self._batches_sent += 1
                options = ["BATCH", self._producer, self._batches_sent]
                if group[0].exchange:
                    options += ["EXCHANGE", group[0].exchange]
                pipeline.execute_command("LIQ.MADD", self.key(group[0].symbol), *options, "EVENTS", *fields)
                sent.append(group)
            replies = await pipeline.execute(raise_on_error=False) if sent else []
        for group, reply in zip(sent, replies, strict=True):
            if isinstance(reply, ResponseError):
                refused.append((group, reply))
            elif isinstance(reply, Exception):
                raise reply
            else:
                count = _map(reply)
                stored += int(count["accepted"]) + int(count["filtered"])
        return stored, refused

    async def get_vwap(self, symbol: str) -> dict[str, float | None] | None:
        """LIQ.VWAP: ``vwap`` and ``volume``, and the entry levels; None without events."""
        reply = {name: _number(value) for name, value in _map(await self._call("LIQ.VWAP", symbol)).items()}
        return reply if reply["vwap"] is not None else None

    async def calculate_percentile(self, symbol: str, p: float, hours: float = 24) -> float | None:
        """LIQ.PCTL: the percentile of the sizes of the last hours, at most of the retention; None without events."""
        reply = await self._call_window("LIQ.PCTL", symbol, _plain(p), window_ms=_milliseconds(hours=hours))
        return _number(reply[0])

    async def get_liquidation_stats(self, symbol: str, window_minutes: float = 60) -> dict[str, Any]:
        """LIQ.STATS: counts, volumes and more of the last minutes, at most of the retention; zeros and None without
        events. Times (``first``, ``last``) are Unix seconds, as everywhere here."""
        reply = _map(await self._call_window("LIQ.STATS", symbol, window_ms=_milliseconds(minutes=window_minutes)))
        stats: dict[str, Any] = {name: _number(value) for name, value in reply.items() if name != "exact"}
        for name in ("first", "last"):
            if stats.get(name) is not None:
                stats[name] /= 1000
        return {
            "total_count": int(stats.pop("count")),
            "total_volume": stats.pop("volume"),
            "buy_count": int(stats.pop("buy_count")),
            "sell_count": int(stats.pop("sell_count")),
            "avg_size": stats.pop("mean"),
            "min_size": stats.pop("min"),
            "max_size": stats.pop("max"),
            "exact": bool(reply["exact"]),
            **stats,
        }

    async def get_memory_stats(self) -> dict[str, Any]:
        """LIQ.MEMORY, or INFO where the module is too old for it: memory used and how the module copes with it."""
        if self._has_memory_commands:
            try:
                reply = _map(await self._redis.execute_command("LIQ.MEMORY"))
                used, budget, ratio = int(reply["used"]), int(reply["budget"] or 0), float(reply["ratio"] or 0)
                return _memory(used, budget, ratio, reply["mode"], int(reply["evicted_keys"]))
            except ResponseError as error:
                if not _is_unknown_command(error):
                    raise
                self._has_memory_commands = False
        info = await self._redis.info("memory", "stats")
        used, budget = info["used_memory"], info["maxmemory"]
        return _memory(used, budget, used / budget if budget else 0, "normal", info["evicted_keys"])

    async def check_memory_pressure(self) -> bool:
        """Whether memory is fine: the module is in its normal mode and less than 70 % are used. ``False`` is the word to
        clean up, as bots have it: ``if not ok: await cleanup_old_data(aggressive=True)``."""
        memory = await self.get_memory_stats()
        return bool(memory["storage_mode"] == "normal" and memory["used_pct"] < 70)

    async def cleanup_old_data(self, aggressive: bool = False) -> int:
        """LIQ.TRIM: the bytes freed. Nothing has to call this: windows forget by themselves, and idle keys expire."""
        try:
            return int(await self._redis.execute_command("LIQ.TRIM", *(["AGGRESSIVE"] if aggressive else [])))
        except ResponseError as error:
            if _is_unknown_command(error):
                return 0
            raise

    async def _call_window(self, command: str, symbol: str, *arguments: str | float, window_ms: int) -> Any:
        """Asks for a window; for the whole retention where it is shorter, as there is nothing older to ask for."""
        try:
            return await self._call(command, symbol, *arguments, "WINDOW", window_ms)
        except ResponseError as error:
            if not str(error).startswith("WINDOW"):
                raise
            retention_ms = int(_map(await self._call("LIQ.INFO", symbol))["retention"])
            if window_ms <= retention_ms:
                raise
            return await self._call(command, symbol, *arguments, "WINDOW", retention_ms)

    async def _call(self, command: str, symbol: str, *arguments: str | float) -> Any:
        return await self._redis.execute_command(command, self.key(symbol), *arguments)


class LiquidationMonitor:
    """The bot's flow: minimum size, percentile filter, VWAP signal.

    Without the module a bot asks Redis for the percentile, for the VWAP, and stores the event, in several round trips
    that other events can come between. Here the series is told once what to look for, and LIQ.ADD does it all.
    """

    def __init__(
        self,
        manager: OptimizedRedisManager,
        on_signal: Callable[[LiquidationEvent, Judgement], Awaitable[None]],
        settings: SeriesSettings = SeriesSettings(),
        per_symbol: Mapping[str, SeriesSettings] | None = None,
    ) -> None:
        self._manager = manager
        self._on_signal = on_signal
        self._settings = settings
        self._per_symbol = dict(per_symbol or {})
        self._configured: set[str] = set()
        self.counts: dict[str, int] = {}
        """How many events met which end."""

    async def process(self, event: LiquidationEvent) -> Judgement:
        """Handles one event, and calls ``on_signal`` when it is one to trade."""
        if event.symbol not in self._configured:
            await self._manager.configure(event.symbol, self._per_symbol.get(event.symbol, self._settings))
            self._configured.add(event.symbol)
        judgement = await self._manager.judge_liquidation(event)
        self.counts[judgement.status] = self.counts.get(judgement.status, 0) + 1
        if judgement.signal is not None:
            await self._on_signal(event, judgement)
        return judgement


def _fields(event: LiquidationEvent) -> list[str | float]:
    return [event.timestamp_ms, event.side.lower(), float(event.price), float(event.size)]


def _milliseconds(*, hours: float = 0, minutes: float = 0) -> int:
    return round(hours * 3_600_000 + minutes * 60_000)


def _plain(number: float) -> str:
    """A number without exponent, as the module reads percentiles."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _map(reply: Any) -> dict[str, Any]:
    """A map reply: RESP3 has maps, RESP2 flattens them into names and values in turn."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def _number(value: Any) -> float | None:
    """A double: RESP3 has doubles, RESP2 writes them as text."""
    return None if value is None else float(value)


def _memory(used: int, budget: int, ratio: float, mode: str, evicted_keys: int) -> dict[str, Any]:
    return {
        "used_mb": used / 2**20,
        "budget_mb": budget / 2**20 if budget else None,
        "used_pct": 100 * ratio,
        "storage_mode": mode,
        "evicted_keys": evicted_keys,
    }


def _is_unknown_command(error: ResponseError) -> bool:
    return "unknown command" in str(error).lower()
