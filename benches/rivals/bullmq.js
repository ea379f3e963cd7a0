// BullMQ on the server whose unix socket is the argument: pushes or works as the lines of standard input say, and says
// "done" after each, so that the server's CPU time can be read in between. Finished jobs are removed, as ours are.
import { createInterface } from "node:readline";
import { Queue, Worker } from "bullmq";
import IORedis from "ioredis";

const [path] = process.argv.slice(2);
const BODY = "a body of forty bytes, more or less ....";
const connect = () => new IORedis({ path, maxRetriesPerRequest: null });
const defaultJobOptions = { removeOnComplete: true };

/** Pushes `count` jobs, `batch` at a time. */
async function push(name, count, batch) {
  const queue = new Queue(name, { connection: connect(), defaultJobOptions });
  for (let at = 0; at < count; at += batch) {
    if (batch === 1) await queue.add("order", { body: BODY });
    else await queue.addBulk(Array.from({ length: batch }, () => ({ name: "order", data: { body: BODY } })));
  }
  await queue.close();
}

/** Works `count` jobs off, `concurrency` at a time. */
function work(name, count, concurrency) {
  return new Promise((finished, failed) => {
    let left = count;
    const worker = new Worker(name, async () => {}, { connection: connect(), concurrency });
    worker.on("error", failed);
    worker.on("completed", () => {
      left -= 1;
      if (left === 0) worker.close().then(finished);
    });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [what, name, count, batch] = line.split(" ");
  await (what === "push" ? push : work)(name, Number(count), Number(batch));
  console.log("done");
}
process.exit(0);
