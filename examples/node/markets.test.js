// Markets from node-redis against a real server; LIQ_MODULE names the module. Run by ./test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Market, connect, work } from "./markets.js";
import { startServer } from "./server.js";

const START = 1_723_161_300_000;
let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

for (const RESP of [2, 3]) {
  test(`a chart's candles are the tape's, and then the exchange's, in RESP${RESP}`, async () => {
    const client = await connect(server.url, { RESP });
    try {
      const market = new Market(client, `BTC${RESP}USDT`);
      await market.create({ order: "ID", clock: "EVENT" });
      await market.create({ stale: "5s" });
      const trade = { timestamp: START + 30_000, side: "buy", price: "61755.70", qty: "0.012", id: 1 };
      assert.deepEqual(await market.trade(trade), { status: "accepted", closed: [], fired: [] });
      assert.equal((await market.trade(trade)).status, "duplicate");
      const next = await market.trade({ timestamp: START + 61_000, side: "sell", price: "61760", qty: "0.5", id: 2 });
      assert.deepEqual(next.closed, [["1m", START]]);
      const [first, open] = await market.candles("1m");
      assert.deepEqual([first.state, open.state, first.close, first.quoteVolume], ["partial", "open", "61755.7", "741.0684"]);

      const kline = [START, "61795.50", "61800.00", "61700.00", "61755.60", "20.25", START + 59_999, "1250700.125", 90, "9", "555901", "0"];
      assert.equal((await market.backfill([kline])).replaced, 1);
      const [whole] = await market.candles("1m", { closed: true });
      assert.deepEqual([whole.state, whole.open, whole.trades, whole.takerQuoteVolume], ["closed", "61795.5", 90, "555901"]);
      assert.equal((await market.candles("5m")).length, 1);
    } finally {
      await client.close();
    }
  });

  test(`a price knows its age in RESP${RESP}`, async () => {
    const client = await connect(server.url, { RESP });
    try {
      const market = new Market(client, `ETH${RESP}USDT`);
      await market.create({ clock: "EVENT" });
      assert.equal(await market.price(), null);
      await market.quote({ timestamp: START, bid: ["2655.5", 2], ask: ["2656", 1], mark: "2655.61" });
      assert.deepEqual(await market.price({ by: "mid" }), { price: "2655.75", ts: START, age: 0, stale: false });
      await market.trade({ timestamp: START + 20_000, side: "sell", price: "2655.50", qty: 1 });
      assert.deepEqual(await market.price({ by: "mark" }), { price: "2655.61", ts: START, age: 20_000, stale: true });
      assert.equal(await market.price({ by: "mark", maxAge: "10s" }), null);
    } finally {
      await client.close();
    }
  });

  test(`a fire that was trimmed holds up none behind it in RESP${RESP}`, async () => {
    const client = await connect(server.url, { RESP });
    try {
      const stream = `fires:{ADA${RESP}USDT}`;
      const market = new Market(client, `ADA${RESP}USDT`);
      await market.create({ fires: stream });
      await market.trade({ side: "buy", price: "150", qty: 1 });
      await market.setStop("first", "LONG", { sl: "140" });
      await market.setStop("second", "LONG", { sl: "130" });
      await market.trade({ side: "sell", price: "139", qty: 1 });
      const order = { stream, group: "orders", worker: "worker-1", patience: 50 };
      await assert.rejects(work(client, order, () => Promise.reject(new Error("the exchange is away"))), /away/);
      await client.sendCommand(["XTRIM", stream, "MAXLEN", "0"]);
      await market.trade({ side: "sell", price: "129", qty: 1 });
      const placed = [];
      await work(client, order, async (fire) => placed.push(fire.id));
      assert.deepEqual(placed, ["second"]);
    } finally {
      await client.close();
    }
  });

  test(`a stop fires at the tick and is handled once in RESP${RESP}`, async () => {
    const client = await connect(server.url, { RESP });
    try {
      const stream = `fires:{SOL${RESP}USDT}`;
      const market = new Market(client, `SOL${RESP}USDT`);
      await market.create({ fires: stream });
      await market.trade({ side: "buy", price: "150.2", qty: 1 });
      assert.equal(await market.setStop("u1:p7", "LONG", { sl: "148", tp: "160", payload: "qty=2" }), "armed");
      assert.equal(await market.setStop("u2:p9", "SHORT", { tp: "140" }), "armed");
      const fired = await market.trade({ side: "sell", price: "147.95", qty: 3 });
      assert.deepEqual(fired.fired[0].slice(1), ["sl", "148", "147.95"]);
      const order = { stream, group: "orders", worker: "worker-1", patience: 50 };
      const placed = [];
      // The order could not be placed: the fire comes again to the worker of that name.
      await assert.rejects(work(client, order, () => Promise.reject(new Error("the exchange is away"))), /away/);
      for (let times = 0; times < 2; times += 1) await work(client, order, async (fire) => placed.push(fire));
      assert.deepEqual(placed.map(({ id, cause, level, price, payload }) => [id, cause, level, price, payload]), [
        ["u1:p7", "sl", "148", "147.95", "qty=2"],
      ]);
      assert.equal(placed[0].fire, fired.fired[0][0]);
      assert.equal(await market.deleteStop("u1:p7"), false);
      assert.equal(await market.deleteStop("u2:p9"), true);
    } finally {
      await client.close();
    }
  });
}
