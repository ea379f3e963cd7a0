// Liquidations in redis-liq from node-redis: one command per question, in RESP3 or RESP2.
import { createClient } from "redis";

const keyOf = (symbol) => `liq:{${symbol}}`;

/** Connects; `url` such as redis://127.0.0.1:6379. */
export async function connect(url, options = {}) {
  const client = createClient({ url, ...options });
  client.on("error", (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  return new Liquidations(client);
}

export class Liquidations {
  #client;

  constructor(client) {
    this.#client = client;
  }

  async close() {
    await this.#client.close();
  }

  /** LIQ.CREATE, or LIQ.ALTER where the series exists; `options` such as { percentile: 90, minsize: 1000 }. */
  async configure(symbol, options) {
    const words = Object.entries(options).flatMap(([name, value]) => [name.toUpperCase(), String(value)]);
    try {
      await this.#client.sendCommand(["LIQ.CREATE", keyOf(symbol), ...words]);
    } catch (error) {
      if (!error.message.includes("already exists")) throw error;
      await this.#client.sendCommand(["LIQ.ALTER", keyOf(symbol), ...words]);
    }
  }

  /** LIQ.ADD: stores an event and judges it: { status, rank, threshold, vwap, deviation, signal }. */
  async add(symbol, { timestamp = "*", side, price, size, exchange, id }) {
    const words = [timestamp, side, price, size].map(String);
    if (exchange) words.push("EXCHANGE", exchange);
    if (id) words.push("ID", id);
    const { status, signal, ...numbers } = mapOf(await this.#client.sendCommand(["LIQ.ADD", keyOf(symbol), ...words]));
    return { status, signal, ...numbersOf(numbers) };
  }

  /** LIQ.MADD: stores a batch of one exchange; how many events met which end. */
  async addBatch(symbol, events, { exchange, producer, seq } = {}) {
    const words = [];
    if (exchange) words.push("EXCHANGE", exchange);
    if (producer) words.push("BATCH", producer, String(seq));
    words.push("EVENTS", ...events.flatMap(({ timestamp, side, price, size }) => [timestamp, side, price, size].map(String)));
    return numbersOf(mapOf(await this.#client.sendCommand(["LIQ.MADD", keyOf(symbol), ...words])));
  }

  /** LIQ.PCTL: percentiles of the sizes; null where the window is empty. */
  async percentiles(symbol, percents, { window } = {}) {
    const words = [...percents.map(String), ...(window ? ["WINDOW", window] : [])];
    return (await this.#client.sendCommand(["LIQ.PCTL", keyOf(symbol), ...words])).map(numberOf);
  }

  /** LIQ.VWAP: { vwap, volume, quantity, count, stddev, upper, lower, long_entry, short_entry }. */
  async vwap(symbol, { window, bands = 2 } = {}) {
    const words = [...(window ? ["WINDOW", window] : []), "BANDS", String(bands)];
    return numbersOf(mapOf(await this.#client.sendCommand(["LIQ.VWAP", keyOf(symbol), ...words])));
  }

  /** LIQ.STATS: counts, volumes, percentiles and more of a window. */
  async stats(symbol, { window = "1h" } = {}) {
    const { exact, ...numbers } = mapOf(await this.#client.sendCommand(["LIQ.STATS", keyOf(symbol), "WINDOW", window]));
    return { exact: Boolean(exact), ...numbersOf(numbers) };
  }
}

/** A map reply: an object in RESP3, names and values in turn in RESP2. */
function mapOf(reply) {
  if (!Array.isArray(reply)) return { ...reply };
  const map = {};
  for (let at = 0; at < reply.length; at += 2) map[reply[at]] = reply[at + 1];
  return map;
}

const numberOf = (value) => (value === null ? null : Number(value));

const numbersOf = (map) => Object.fromEntries(Object.entries(map).map(([name, value]) => [name, numberOf(value)]));
