// The node-redis example against a real server; LIQ_MODULE names the module. Run by ./test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { connect } from "./liquidations.js";
import { startServer } from "./server.js";

let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

for (const RESP of [2, 3]) {
  test(`a bot's questions are answered in RESP${RESP}`, async () => {
    const symbol = `BTC${RESP}USDT`;
    const liquidations = await connect(server.url, { RESP });
    try {
      const options = { percentile: 50, longoffset: 1, clock: "EVENT" };
      await liquidations.configure(symbol, options);
      await liquidations.configure(symbol, { percentile: 50 });

      const start = 1_737_910_800_000;
      const first = { timestamp: start, side: "buy", price: 100, size: 1000, exchange: "binance", id: "1" };
      assert.deepEqual(await liquidations.add(symbol, first), {
        status: "accepted", signal: null, rank: null, threshold: null, vwap: null, deviation: null,
      });
      assert.equal((await liquidations.add(symbol, first)).status, "duplicate");

      const events = [1, 2, 3].map((minute) => ({ timestamp: start + minute * 60_000, side: "sell", price: 100, size: 500 * minute }));
      const batch = { exchange: "okx", producer: "bot", seq: 1 };
      const counts = await liquidations.addBatch(symbol, events, batch);
      assert.equal(counts.accepted + counts.filtered, 3);
      assert.equal((await liquidations.addBatch(symbol, events, batch)).duplicate, 3);

      assert.deepEqual(await liquidations.percentiles(symbol, [25, 50, 100]), [500, 1000, 1500]);
      assert.deepEqual(await liquidations.percentiles("NONE", [50]), [null]);
      const { vwap, volume, count, long_entry } = await liquidations.vwap(symbol);
      assert.deepEqual({ vwap, volume, count, long_entry }, { vwap: 100, volume: 4000, count: 4, long_entry: 99 });
      const stats = await liquidations.stats(symbol);
      assert.deepEqual([stats.count, stats.buy_volume, stats.sell_volume, stats.exact], [4, 1000, 3000, true]);

      const crash = { timestamp: start + 240_000, side: "sell", price: 98, size: 9000 };
      const judged = await liquidations.add(symbol, crash);
      assert.deepEqual([judged.status, judged.signal, judged.rank], ["accepted", "buy", 100]);
      assert.ok(Math.abs(judged.deviation + 2) < 1e-9);
      await assert.rejects(liquidations.add(symbol, { ...crash, price: -1 }), /price: must be/);
    } finally {
      await liquidations.close();
    }
  });
}
