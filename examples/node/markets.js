// Markets in redis-liq from node-redis: prices with their age, candles equal to the exchange's, stops. RESP3 or RESP2.
//
// Prices and quantities stay text, as the exchange has them: a JavaScript number would round them.
import { createClient } from "redis";

/** Connects; `url` such as redis://127.0.0.1:6379. */
export async function connect(url, options = {}) {
  const client = createClient({ url, ...options });
  client.on("error", (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  return client;
}

/** One instrument at one venue, under `tick:{symbol}`. */
export class Market {
  #client;

  constructor(client, symbol) {
    this.#client = client;
    this.key = `tick:{${symbol}}`;
  }

  /** TICK.CREATE, or TICK.ALTER where the market exists; `options` such as { order: "ID", fires: "fires:{BTCUSDT}" }. */
  async create(options = {}) {
    const words = Object.entries(options).flatMap(([name, value]) => [name.toUpperCase(), value]);
    try {
      await this.#call("TICK.CREATE", ...words);
    } catch (error) {
      if (!error.message.includes("already exists")) throw error;
      await this.#call("TICK.ALTER", ...words);
    }
  }

  /** TICK.ADD: what became of the trade; `gap` says that trades may be missing before it, as behind a reconnect. */
  async trade({ timestamp = "*", side, price, qty, id, gap = false }) {
    const words = [timestamp, side, price, qty, ...(id === undefined ? [] : ["ID", id]), ...(gap ? ["GAP"] : [])];
    const [status, closed, fired] = await this.#call("TICK.ADD", ...words);
    return { status, closed, fired };
  }

  /** TICK.QUOTE: { bid: [price, qty], ask: [price, qty], mark, index }; without any of them a heartbeat. */
  async quote({ timestamp = "*", bid, ask, mark, index } = {}) {
    const sources = Object.entries({ bid, ask, mark, index }).filter(([, value]) => value !== undefined);
    await this.#call("TICK.QUOTE", timestamp, ...sources.flatMap(([name, value]) => [name.toUpperCase(), value].flat()));
  }

  /** CANDLE.PUT WHOLE: the exchange's klines as its REST interface answers them, all from the first to the last. */
  async backfill(klines, level = "1m") {
    const rows = klines.flatMap((row) => row.slice(0, 11));
    return mapOf(await this.#call("CANDLE.PUT", level, "WHOLE", "KLINE", ...rows));
  }

  /** TICK.LAST: { price, ts, age, stale }; null without a price, or when it is older than `maxAge` such as "10s". */
  async price({ by = "last", maxAge } = {}) {
    const last = mapOf(await this.#call("TICK.LAST", "BY", by, ...(maxAge ? ["MAXAGE", maxAge] : [])));
    return last.price === null ? null : { ...last, stale: Boolean(last.stale) };
  }

  /** CANDLE.RANGE: the newest candles, oldest first. */
  async candles(interval, { count = 500, fill = false, closed = false } = {}) {
    const words = ["COUNT", count, ...(fill ? ["FILL"] : []), ...(closed ? ["CLOSED"] : [])];
    return (await this.#call("CANDLE.RANGE", interval, ...words)).map(candleOf);
  }

  /** TRIG.SET: "armed", "waiting", or "fired" when the price is there already; `legs` such as { sl: "61000", tp: "63000" }. */
  async setStop(id, side, legs) {
    const words = Object.entries(legs).flatMap(([name, value]) => [name.toUpperCase(), value]);
    return mapOf(await this.#call("TRIG.SET", id, side, ...words)).state;
  }

  /** TRIG.DEL: false says that it has fired. */
  async deleteStop(id) {
    return (await this.#call("TRIG.DEL", id)) === 1;
  }

  #call(command, ...words) {
    return this.#client.sendCommand([command, this.key, ...words.map(String)]);
  }
}

/**
 * Hands the fires of a stream to `place`, each to one worker of the group, those first that this worker had left; ends when
 * nothing comes for `patience` milliseconds. A fire that `place` throws at is not acknowledged. `fire.fire` is never given
 * twice: an order that bears it is placed once.
 */
export async function work(client, { stream, group, worker, patience = 1000 }, place) {
  await client.sendCommand(["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"]).catch((error) => {
    if (!error.message.startsWith("BUSYGROUP")) throw error;
  });
  for (let from = "0"; ; ) {
    const words = ["GROUP", group, worker, "COUNT", "100", "BLOCK", String(patience), "STREAMS", stream, from];
    const read = await client.sendCommand(["XREADGROUP", ...words]);
    // RESP3 answers a map, RESP2 pairs.
    const entries = read === null ? [] : Array.isArray(read) ? read[0][1] : Object.values(read)[0];
    if (entries.length === 0 && from === ">") return;
    if (entries.length === 0) from = ">";
    for (const [entry, fields] of entries) {
      // One that was trimmed while it was left behind is no fire any more, and must not come for ever.
      if (fields === null) console.warn(`the fire ${entry} of ${stream} was deleted before it was acknowledged`);
      else await place(mapOf(fields));
      await client.sendCommand(["XACK", stream, group, entry]);
    }
  }
}

const COLUMNS = ["start", "open", "high", "low", "close", "volume", "end", "quoteVolume", "trades", "takerVolume", "takerQuoteVolume", "state"];

const candleOf = (row) => Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]]));

/** A map reply: an object in RESP3, names and values in turn in RESP2. */
function mapOf(reply) {
  if (!Array.isArray(reply)) return { ...reply };
  const map = {};
  for (let at = 0; at < reply.length; at += 2) map[reply[at]] = reply[at + 1];
  return map;
}
