// The queue from Node against a real server, and beside Rust workers on the same queue (LIQ_QUEUE_EXAMPLE names
// crates/desk's example `queue`, built). Run by ./test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "redis";
import { Queue } from "./queue.js";
import { startServer } from "./server.js";

let server, url;

before(async () => {
  // Queues are plain Redis.
  server = await startServer({ module: null });
  url = server.url;
});

after(() => server.stop());

/** Works until `done()` holds. */
async function workUntil(queue, handler, done) {
  const stop = new AbortController();
  const work = queue.work(handler, { signal: stop.signal, atOnce: 1 });
  for (let tries = 0; !done(); tries += 1) {
    assert.ok(tries < 6000, "the jobs are not done");
    await sleep(10);
  }
  stop.abort();
  await work;
}

test("jobs run by priority, names once, delays later", async (t) => {
  const queue = await Queue.open(url, "node", { capacity: 5 });
  t.after(() => queue.client.destroy());
  await queue.push({ n: 1 }, { priority: "low" });
  await queue.push({ n: 2 });
  const { pushed } = await queue.push({ n: 3, text: "ü" }, { priority: "high", once: ["x", 60_000] });
  assert.deepEqual(await queue.push({ n: 9 }, { once: ["x", 60_000] }), { duplicate: pushed });
  await queue.push({ n: 4 }, { delay: 100 });
  await queue.push({ n: 5 }, { expires: 1 });
  assert.deepEqual(await queue.push({ n: 6 }), { full: true });
  await sleep(20);
  const seen = [];
  await workUntil(queue, async (job) => seen.push(job.body.n), () => seen.length === 4);
  // The delayed one is normal, so it may come before the low one.
  assert.deepEqual([seen.slice(0, 2), seen.slice(2).sort()], [[3, 2], [1, 4]]);
});

test("what fails is tried again, then buried", async (t) => {
  const queue = await Queue.open(url, "failing", { attempts: 3, backoff: [5, 10] });
  t.after(() => queue.client.destroy());
  await queue.push({ n: 1 });
  const attempts = [];
  const handler = async (job) => {
    attempts.push(job.attempt);
    throw new Error("away");
  };
  await workUntil(queue, handler, () => attempts.length === 3);
  assert.deepEqual(attempts, [1, 2, 3]);
  const [dead] = await queue.client.xRange("{q:failing}:dead", "-", "+");
  assert.equal(dead.message.r.toString(), "away");
});

/** Until it holds. */
async function until(what, holds) {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < 6000, what);
    await sleep(10);
  }
}

test("what is due later and is no job is buried, and stops nothing", async (t) => {
  const queue = await Queue.open(url, "hostile");
  t.after(() => queue.client.destroy());
  await queue.client.zAdd("{q:hostile}:later", { score: 1, value: '{"json": true}' });
  await queue.push({ n: 1 });
  const seen = [];
  await workUntil(queue, async (job) => seen.push(job.body.n), () => seen.length === 1);
  const [dead] = await queue.client.xRange("{q:hostile}:dead", "-", "+");
  assert.deepEqual([dead.message.b.toString(), dead.message.r.toString()], ['{"json": true}', "what was due later is no job"]);
});

test("a retry knows of the worker that died before it", async (t) => {
  const queue = await Queue.open(url, "begun", { backoff: [5, 10] });
  t.after(() => queue.client.destroy());
  await queue.push({ n: 1 });
  const [stream, { client }] = [queue.streams[1], queue];
  await client.xGroupCreate(stream, "workers", "0");
  await client.xReadGroup("workers", "ghost", { key: stream, id: ">" }, { COUNT: 1 });
  const [{ id }] = await client.xPendingRange(stream, "workers", "-", "+", 1);
  await client.sendCommand(["XCLAIM", stream, "workers", "ghost", "0", id.toString(), "IDLE", "36000000", "JUSTID"]);
  const seen = [];
  const handler = async (job) => {
    if (seen.push(job.redelivered) < 3) throw new Error("again");
  };
  await workUntil(queue, handler, () => seen.length === 3);
  assert.deepEqual(seen, [true, true, true]);
  // One that only ever failed leaves nothing to ask.
  await queue.push({ n: 2 });
  seen.length = 0;
  await workUntil(queue, handler, () => seen.length === 3);
  assert.deepEqual(seen, [false, false, false]);
});

test("entries of two streams with equal ids are two jobs", async (t) => {
  const queue = await Queue.open(url, "equal");
  t.after(() => queue.client.destroy());
  const [body, stop] = [Buffer.from([0x81, 0xa1, 0x6e, 0x01]), new AbortController()];
  for (const stream of queue.streams.slice(0, 2)) await queue.client.xAdd(stream, "5-1", { i: `of ${stream}`, b: body });
  let [running, leave] = [0, null];
  const left = new Promise((done) => (leave = done));
  const work = queue.work(async () => ((running += 1), await left), { lease: 2000, signal: stop.signal });
  await until("both run", () => running === 2);
  // Both leases are renewed: nobody else gets them.
  const [other, stolen] = [new AbortController(), []];
  const late = queue.work(async (job) => stolen.push(job.id), { lease: 2000, signal: other.signal });
  await sleep(3500);
  other.abort();
  await late;
  assert.deepEqual(stolen, []);
  leave();
  stop.abort();
  await work;
  assert.equal(running, 2);
  assert.equal(Number(await queue.client.xLen(queue.streams[0])) + Number(await queue.client.xLen(queue.streams[1])), 0);
});

// A handler that notes what it sees, and holds the job of number 1 until it may leave.
const holdingTheFirst = () => {
  const seen = [];
  let leave;
  const left = new Promise((done) => (leave = done));
  const handler = async (job) => {
    seen.push(job.body.n);
    if (job.body.n === 1) await left;
  };
  return { handler, leave, seen };
};

test("a handler outlives its lease and begins no second time", async (t) => {
  const own = await startServer({ module: null });
  t.after(() => own.stop());
  const queue = await Queue.open(own.url, "away");
  t.after(() => queue.client.destroy());
  await queue.push({ n: 1 });
  const stop = new AbortController();
  const { handler, leave, seen } = holdingTheFirst();
  const work = queue.work(handler, { lease: 500, atOnce: 2, signal: stop.signal });
  await until("it runs", () => seen.length === 1);
  // As long as a server that hangs: nothing is renewed.
  await queue.client.sendCommand(["CLIENT", "PAUSE", "1500", "ALL"]);
  await queue.push({ n: 2 });
  await until("work goes on", () => seen.includes(2));
  await sleep(200);
  leave();
  stop.abort();
  await work;
  assert.deepEqual(seen, [1, 2]);
});

test("a full worker goes on after a flush", async (t) => {
  const own = await startServer({ module: null });
  t.after(() => own.stop());
  const queue = await Queue.open(own.url, "flushed");
  t.after(() => queue.client.destroy());
  await queue.push({ n: 1 });
  const stop = new AbortController();
  const { handler, leave, seen } = holdingTheFirst();
  const work = queue.work(handler, { atOnce: 1, signal: stop.signal });
  await until("it runs", () => seen.length === 1);
  await queue.client.flushAll();
  leave();
  await queue.push({ n: 2 });
  await until("the next one runs", () => seen.length === 2);
  stop.abort();
  await work;
});

/** A way to the server that loses the first answer with `text` in it, and its connection with it. */
async function losing(t, text) {
  const state = { lost: 0 };
  const proxy = createServer((near) => {
    const far = connect(new URL(url).port, "127.0.0.1");
    const end = () => (near.destroy(), far.destroy());
    let before = Buffer.alloc(0);
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => {
      const seen = Buffer.concat([before, data]);
      if (state.lost === 0 && seen.includes(text)) return (state.lost += 1), end();
      before = seen.subarray(-text.length);
      near.write(data);
    });
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  t.after(() => proxy.close());
  return Object.assign(state, { url: `redis://127.0.0.1:${proxy.address().port}` });
}

test("a job whose answer was lost runs as if nothing was", async (t) => {
  const way = await losing(t, "lost-job");
  const [direct, far] = [await Queue.open(url, "lost"), await Queue.open(way.url, "lost", { attempts: 1 })];
  t.after(() => (direct.client.destroy(), far.client.destroy()));
  const [stop, seen] = [new AbortController(), []];
  // Nobody else could have it before the test is over.
  const work = far.work(async (job) => seen.push([job.body.n, job.attempt, job.redelivered]), { lease: 3_600_000, signal: stop.signal });
  await direct.push({ n: "first" }, { priority: "low" });
  await until("it works", () => seen.length === 1);
  await direct.push({ n: "lost-job" });
  await until("the answer is lost, and the job runs", () => way.lost === 1 && seen.length === 2);
  await direct.push({ n: "last" }, { priority: "high" });
  await until("work goes on", () => seen.length === 3);
  stop.abort();
  await work;
  assert.deepEqual(seen, [["first", 1, false], ["lost-job", 1, false], ["last", 1, false]]);
  for (const stream of direct.streams) assert.equal(Number(await direct.client.xLen(stream)), 0);
});

test("Rust and Node share a queue", { skip: !process.env.LIQ_QUEUE_EXAMPLE && "LIQ_QUEUE_EXAMPLE is not set" }, async (t) => {
  const rust = (...args) => new Promise((found, fail) => {
    const child = spawn(process.env.LIQ_QUEUE_EXAMPLE, args, { env: { ...process.env, REDIS_URL: url }, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.on("close", (code) => (code === 0 ? found(text.trim().split("\n")) : fail(new Error(`code ${code}`))));
  });
  const queue = await Queue.open(url, "orders");
  t.after(() => queue.client.destroy());
  await queue.push({ symbol: "BTCUSDT", quantity: 2 }, { delay: 50 });
  await queue.push({ symbol: "ETHUSDT", quantity: 3 });
  assert.deepEqual((await rust("work", "2")).sort(), ["BTCUSDT 2 attempt 1", "ETHUSDT 3 attempt 1"]);
  await rust("push", "SOLUSDT", "7");
  const seen = [];
  await workUntil(queue, async (job) => seen.push(job.body), () => seen.length === 1);
  assert.deepEqual(seen, [{ symbol: "SOLUSDT", quantity: 7 }]);
});
