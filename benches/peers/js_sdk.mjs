// Echo agents on Fishjam's official JavaScript server SDK: one per room that exists, in one Node process.
//
// They pass through: they hear 16 kHz and say the same bytes on a 16 kHz track. There is no resampling, unlike in the
// other programs, so this is the SDK's and Node's part alone.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { FishjamClient } from '@fishjam-cloud/js-server-sdk';
import { WebSocket } from 'ws';

// The SDK takes the browser's WebSocket, which Node 20 has only behind a flag. Where there is one, it is used.
globalThis.WebSocket ??= WebSocket;

const JOIN_AT_ONCE = 20;
const READY_WITHIN = 60_000;

const { values: args } = parseArgs({
  options: { fishjam: { type: 'string' }, token: { type: 'string' }, seconds: { type: 'string', default: '10' } },
});

const client = new FishjamClient({ fishjamId: args.fishjam, managementToken: args.token });
const load = { heard: 0, said: 0 };
let leaving = false;

function fail(why) {
  if (leaving) return;
  console.error(why);
  process.exit(1);
}

/** Joins the room, and gives a promise of the first chunk that is heard there. */
async function join(room) {
  const options = { output: { audioFormat: 'pcm16', audioSampleRate: 16000 }, subscribeMode: 'auto' };
  const callbacks = {
    onClose: (code, reason) => fail(`closed: ${code} ${reason}`),
    onError: (error) => fail(error.message),
  };
  const { agent } = await client.createAgent(room, options, callbacks);
  const track = agent.createTrack({ encoding: 'pcm16', sampleRate: 16000, channels: 1 });
  const first = once(agent, 'trackData');
  agent.on('trackData', ({ data }) => {
    load.heard += 1;
    agent.sendData(track.id, data);
    load.said += 1;
  });
  return { first };
}

function tell(event, what) {
  const rss_kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  console.log(JSON.stringify({ event, ...what, rss_kib }));
}

const stdin = createInterface({ input: process.stdin });
const command = once(stdin, 'line');
const closed = once(stdin, 'close');

const deadline = setTimeout(() => fail('not ready in time'), READY_WITHIN);
const rooms = (await client.getAllRooms()).map(({ id }) => id);
const waiting = [...rooms];
const joined = [];
const joiner = async () => {
  for (let room; (room = waiting.pop()); ) joined.push(await join(room));
};
await Promise.all(Array.from({ length: JOIN_AT_ONCE }, joiner));
await Promise.all(joined.map(({ first }) => first));
clearTimeout(deadline);
tell('ready', { sessions: rooms.length });

await command;
const before = { ...load };
// cpuUsage is user and system time of all threads, in microseconds.
const cpu = process.cpuUsage();
const clock = performance.now();
await sleep(Number(args.seconds) * 1000);
const { user, system } = process.cpuUsage(cpu);
tell('measured', {
  cpu_s: (user + system) / 1e6,
  frames: load.heard - before.heard,
  said: load.said - before.said,
  seconds: (performance.now() - clock) / 1000,
});

await closed;
leaving = true;
process.exit();
