// A sandbox for one test file, and what the tests say to its own interface.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

// The SDK takes the browser's WebSocket, which Node 20 has only behind a flag.
globalThis.WebSocket ??= WebSocket;

export const TOKEN = 'development';

export async function startSandbox() {
  const program = spawn(process.env.ROOMTONE, ['sandbox', '--listen', '127.0.0.1:0', '--files', '/']);
  const [url] = await once(createInterface(program.stdout), 'line');
  const control = async (path, body) => {
    const response = await fetch(`${url}/sandbox/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
  return {
    config: { fishjamId: url, managementToken: TOKEN },
    control,
    person: (room, what = {}) => control(`rooms/${room}/people`, what),
    fault: (fault, what = {}) => control('faults', { fault, ...what }),
    stop: async () => {
      program.kill();
      await once(program, 'exit');
    },
  };
}

/** Waits until `found` gives something. */
export async function until(what, found) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await found();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
