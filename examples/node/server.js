// A throwaway redis-server for the tests: its own folder and port, ended by its own process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "redis";

/** Starts one, by default with the module that LIQ_MODULE names: { url, stop }. */
export async function startServer({ module = process.env.LIQ_MODULE } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "liq-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const words = ["--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", ""];
  const server = spawn("redis-server", [...words, ...(module ? ["--loadmodule", module] : [])], { stdio: "ignore" });
  const stop = async () => {
    server.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    assert.equal(server.exitCode, null, "the server ended; is LIQ_MODULE the path of libliq.so?");
    // Quiet until the server is there: the client would report every refused connection.
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.close();
      return { url, stop };
    } catch (error) {
      if (tries > 600) throw error;
      await sleep(50);
    }
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
