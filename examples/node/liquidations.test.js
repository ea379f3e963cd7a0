// The node-redis example against a real server; LIQ_MODULE names the module. Run by ./test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "./liquidations.js";

let server, folder, url;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "liq-"));
  const port = await freePort();
  url = `redis://127.0.0.1:${port}`;
  const module = process.env.LIQ_MODULE;
  const words = ["--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", "", "--loadmodule", module];
  server = spawn("redis-server", words, { stdio: "ignore" });
  for (let tries = 0; ; tries += 1) {
    assert.equal(server.exitCode, null, "the server ended; is LIQ_MODULE the path of libliq.so?");
    try {
      // Quiet until the server is there: the client would report every refused connection.
      const liquidations = await connect(url, { socket: { reconnectStrategy: false } });
      return liquidations.close();
    } catch (error) {
      if (tries > 600) throw error;
      await sleep(50);
    }
  }
});

after(async () => {
  server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

for (const RESP of [2, 3]) {
  test(`a bot's questions are answered in RESP${RESP}`, async () => {
    const symbol = `BTC${RESP}USDT`;
    const liquidations = await connect(url, { RESP });
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
