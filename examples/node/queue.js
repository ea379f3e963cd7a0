// A queue of redis-liq-desk from Node: pushed and worked by the same scripts as in Rust, on the same streams. What lives
// here: push, and a worker with retries and leases. Plain Redis 7.0 or newer; the module is not needed.
import { readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { decode, encode } from "@msgpack/msgpack";
import { createClient, defineScript, RESP_TYPES } from "redis";

const SCRIPTS = new URL("../../crates/desk/src/queue/", import.meta.url);
const PRIORITIES = { high: 0, normal: 1, low: 2 };

/** Reads a script, whose keys and arguments `scripts.rs` beside it describes. */
function script(name, keys) {
  return defineScript({
    SCRIPT: readFileSync(new URL(`${name}.lua`, SCRIPTS), "utf8"),
    NUMBER_OF_KEYS: keys,
    parseCommand: (parser, ...words) => parser.push(...words.map((word) => (typeof word === "number" ? `${word}` : word))),
    transformReply: undefined,
  });
}

export class Queue {
  /** Connects to the queue `name`; settings as those of the Rust builder, times in milliseconds. */
  static async open(url, name, settings = {}) {
    const scripts = { push: script("push", 7), take: script("take", 5), end: script("end", 5), renew: script("renew", 3), lost: script("lost", 3) };
    // Bodies are bytes.
    const client = createClient({ url, scripts, commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } });
    client.on("error", () => {}); // Every call says so too.
    await client.connect();
    return new Queue(client, name, settings);
  }

  constructor(client, name, { capacity = 100_000, attempts = 5, backoff = [1000, 300_000], statusFor = 0 } = {}) {
    const prefix = `{q:${name}}:`;
    this.client = client;
    this.prefix = prefix;
    this.streams = [`${prefix}p0`, `${prefix}p1`, `${prefix}p2`];
    this.settings = { capacity, attempts, backoff, statusFor };
  }

  /** Pushes a job: `{ pushed: id }`, `{ duplicate: id }` or `{ full: true }`. */
  async push(body, { priority = "normal", once, delay = 0, expires = 0 } = {}) {
    const id = Date.now().toString(16).padStart(12, "0") + randomBytes(8).toString("hex");
    const [onceId, onceFor] = once ?? ["", 0];
    const { capacity, statusFor } = this.settings;
    const keys = [...this.streams, `${this.prefix}later`, `${this.prefix}once:${onceId}`, `${this.prefix}job:${id}`, `${this.prefix}wake`];
    const bytes = Buffer.from(encode(body));
    const reply = await this.client.push(
      ...keys, PRIORITIES[priority], id, bytes, expires, delay, capacity, onceFor, statusFor,
    );
    if (Number(reply) === 1) return { pushed: id };
    return reply === 0 ? { full: true } : { duplicate: reply.toString() };
  }

  /**
   * Works until the signal is aborted. `handler(job)` gets `{ id, body, attempt, redelivered }`; when it throws the job is
   * tried again, an error with `bury = true` buries it. `redelivered` says that somebody had it who never said how that
   * ended: ask first whether it is done. What was handed out in an answer that was lost on its way is asked for, for one
   * lease; of a worker that is stopped meanwhile it goes to others after the lease.
   */
  async work(handler, { atOnce = 8, lease = 10_000, signal } = {}) {
    const consumer = `node-${process.pid}-${randomBytes(6).toString("hex")}`;
    const held = new Map();
    const renewing = setInterval(() => {
      const jobs = [...held.values()].flatMap((job) => [job.priority, job.entry, job.deliveries]);
      if (jobs.length) this.client.renew(...this.streams, consumer, ...jobs).catch(() => {}); // The lease runs out.
    }, lease / 3);
    let cursors = ["0-0", "0-0", "0-0"];
    let lostUntil = 0;
    try {
      while (!signal?.aborted) {
        let jobs = [];
        // While Redis was away the leases ran out, and a claim does not leave out what is our own.
        const had = new Set(held.keys());
        try {
          const want = Math.min(atOnce - held.size, 100);
          if (want > 0 && performance.now() < lostUntil) jobs = await this.#lost(consumer, want, held);
          if (want > 0 && !jobs.length) [cursors, jobs] = await this.#take(consumer, want, lease, cursors);
        } catch (error) {
          // The server may have handed jobs out all the same. Later their lease has run out.
          lostUntil = performance.now() + lease;
          if (error.message.includes("NOGROUP")) await this.#makeGroups().catch(() => {});
        }
        for (const job of jobs) {
          // Entries of two streams may have equal ids.
          const key = `${job.priority}:${job.entry}`;
          if (had.has(key)) continue;
          held.set(key, job);
          this.#run(job, handler, consumer).finally(() => held.delete(key));
        }
        if (!jobs.length) await new Promise((wake) => setTimeout(wake, 20));
      }
      while (held.size) await new Promise((wake) => setTimeout(wake, 5));
    } finally {
      clearInterval(renewing);
    }
  }

  async close() {
    await this.client.close();
  }

  async #take(consumer, want, lease, cursors) {
    const keys = [...this.streams, `${this.prefix}later`, `${this.prefix}dead`];
    const [now, , next, jobs] = await this.client.take(...keys, consumer, want, lease, ...cursors);
    return [next.map(String), jobs.map((job) => this.#read(job, Number(now)))];
  }

  /** Jobs of this worker by the server's word that it never heard of: nobody has begun them, and the attempt is the same. */
  async #lost(consumer, want, held) {
    const jobs = [];
    for (const [priority, stream] of this.streams.entries()) {
      const pending = await this.client.xPendingRange(stream, "workers", "-", "+", held.size + want, { consumer });
      for (const { id, deliveriesCounter } of pending) {
        if (!held.has(`${priority}:${id}`)) jobs.push([priority, id.toString(), deliveriesCounter]);
      }
    }
    if (!jobs.length) return [];
    const [seconds, micros] = await this.client.time();
    const found = await this.client.lost(...this.streams, consumer, ...jobs.slice(0, want).flat());
    return found.map((job) => this.#read(job, Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)));
  }

  #read([priority, entry, flat, deliveries], now) {
    const fields = {};
    for (let at = 0; at < flat.length; at += 2) fields[flat[at].toString()] = flat[at + 1];
    const number = (name) => Number(fields[name] ?? 0);
    return {
      priority: Number(priority), entry: entry.toString(), id: fields.i?.toString() ?? "", bytes: fields.b ?? Buffer.alloc(0),
      attempts: number("a"), attempt: number("a") + Number(deliveries), redelivered: Number(deliveries) > 1 || number("d") > 0,
      deliveries: Number(deliveries),
      // A job that was pushed as this entry has its time in the entry's id.
      pushed: fields.t ? number("t") : Number.parseInt(entry.toString(), 10), expires: number("x"), now,
    };
  }

  async #run(job, handler, consumer) {
    const { attempts, backoff } = this.settings;
    let [how, wait, reason] = ["done", 0, ""];
    try {
      if (job.expires > 0 && job.now > job.expires) throw Object.assign(new Error("expired"), { expired: true });
      if (job.attempt > attempts) throw Object.assign(new Error(`its workers died, ${job.attempt - 1} attempts`), { bury: true });
      let body;
      try {
        body = decode(job.bytes);
      } catch (error) {
        throw Object.assign(new Error(`the body cannot be read: ${error.message}`), { bury: true });
      }
      await handler({ id: job.id, body, attempt: job.attempt, redelivered: job.redelivered });
    } catch (error) {
      reason = String(error?.message ?? error);
      how = error?.expired ? "expire" : error?.bury || job.attempt >= attempts ? "bury" : "retry";
      const [first, longest] = backoff;
      wait = Math.round(Math.min(first * 2 ** (job.attempt - 1), longest) * (1 + Math.random()));
    }
    const keys = [this.streams[job.priority], `${this.prefix}later`, `${this.prefix}dead`, `${this.prefix}job:${job.id}`, `${this.prefix}wake`];
    const words = [
      job.entry, consumer, how, job.priority, job.id, job.attempt, job.pushed, job.expires, job.bytes, how === "retry" ? wait : 0,
      reason, this.settings.statusFor, job.redelivered ? 1 : 0,
    ];
    // Until it is told the job stays leased, so that nobody else begins it.
    for (let pause = 20; ; pause = Math.min(pause * 2, 1000)) {
      try {
        return await this.client.end(...keys, ...words);
      } catch (error) {
        // A flushed server has no groups, and a worker that is busy takes nothing that would make them.
        if (error.message.includes("NOGROUP")) await this.#makeGroups().catch(() => {});
        await new Promise((wake) => setTimeout(wake, pause));
      }
    }
  }

  async #makeGroups() {
    for (const stream of this.streams) {
      await this.client.xGroupCreate(stream, "workers", "0", { MKSTREAM: true }).catch((error) => {
        if (!error.message.startsWith("BUSYGROUP")) throw error;
      });
    }
  }
}
