// The JavaScript notifier and agent, with sound.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { FishjamAgent, FishjamClient, FishjamWSNotifier, ServerMessage } from '@fishjam-cloud/js-server-sdk';

import { TOKEN, startSandbox, until } from './sandbox.mjs';

const SPEECH = join(process.env.ROOMTONE_DATA, 'speech.wav');

let sandbox;
let client;
before(async () => {
  sandbox = await startSandbox();
  client = new FishjamClient(sandbox.config);
});
after(() => sandbox.stop());

/** A notifier that is listening, and the names of what it was told. */
async function listen() {
  const seen = [];
  const notifier = new FishjamWSNotifier(sandbox.config, assert.ifError, () => {});
  const names = [
    'roomCreated', 'roomDeleted', 'roomCrashed', 'peerAdded', 'peerDeleted', 'peerConnected', 'peerDisconnected',
    'peerMetadataUpdated', 'peerCrashed', 'trackAdded', 'trackRemoved', 'trackMetadataUpdated',
  ];
  for (const name of names) notifier.on(name, (message) => seen.push([name, message]));
  // It does not say when it is subscribed: rooms are made until one is told of.
  await until('a subscription', async () => {
    await client.deleteRoom((await client.createRoom()).id);
    return seen.length > 0;
  });
  const of = (room) => seen.filter(([, message]) => message.roomId === room).map(([name]) => name);
  return { seen, of, close: () => notifier.client.close() };
}

/** An agent, and the sound it hears. */
async function join_(room, options = {}) {
  const heard = [];
  const closed = [];
  const callbacks = { onError: () => {}, onClose: (code, reason) => closed.push([code, reason]) };
  const { agent, peer } = await client.createAgent(room, options, callbacks);
  agent.on('trackData', ({ data }) => heard.push(Buffer.from(data)));
  return { agent, peer, closed, heard: () => Buffer.concat(heard) };
}

test('the life of a room', async () => {
  const listener = await listen();
  const room = await client.createRoom();
  const { agent, peer } = await join_(room.id);
  await until('the agent is connected', () => listener.of(room.id).includes('peerMetadataUpdated'));
  agent.createTrack({ encoding: 'pcm16', sampleRate: 16000, channels: 1 }, { type: 'microphone' });
  await until('its track', () => listener.of(room.id).includes('trackAdded'));
  agent.disconnect();
  await until('its leave', () => listener.of(room.id).includes('trackRemoved'));
  await client.deletePeer(room.id, peer.id);
  await client.deleteRoom(room.id);
  await until('the end', () => listener.of(room.id).includes('roomDeleted'));
  assert.deepEqual(listener.of(room.id), [
    'roomCreated', 'peerAdded', 'peerConnected', 'peerMetadataUpdated', 'trackAdded', 'peerDisconnected',
    'trackRemoved', 'peerDeleted', 'roomDeleted',
  ]);
  listener.close();
});

test('a notifier with a wrong token is closed', async () => {
  const closed = [];
  new FishjamWSNotifier({ ...sandbox.config, managementToken: 'wrong' }, () => {}, (...how) => closed.push(how));
  await until('the close', () => closed.length > 0);
  assert.deepEqual(closed[0].map(String), ['1000', 'invalid token']);
});

test('a person is heard sample for sample', async () => {
  const room = await client.createRoom();
  const { agent, heard } = await join_(room.id, { output: { audioFormat: 'pcm16', audioSampleRate: 16000 } });
  await sandbox.person(room.id, { sound: SPEECH });
  const said = readFileSync(SPEECH).subarray(44);
  await until('all of it', () => heard().length >= said.length);
  assert.ok(heard().subarray(0, said.length).equals(said));
  agent.disconnect();
});

test('what one plays is what a roomtone agent says back', async () => {
  const room = await client.createRoom();
  const args = ['join', '--fishjam', sandbox.config.fishjamId, '--room', room.id, '--agent', 'echo'];
  const env = { ...process.env, FISHJAM_MANAGEMENT_TOKEN: TOKEN };
  const echo = spawn(process.env.ROOMTONE, [...args, '--hear', 'everyone'], { env });
  await until('the echo', async () => (await client.getRoom(room.id)).peers.some(({ tracks }) => tracks.length > 0));
  const { agent, heard } = await join_(room.id);
  const track = agent.createTrack({ encoding: 'pcm16', sampleRate: 16000, channels: 1 });
  const said = Buffer.alloc(32_000);
  for (let n = 0; n < said.length; n += 2) said.writeInt16LE(1 + ((n * 7919) % 9_973), n);
  agent.sendData(track.id, said);
  await until('the answer', () => heard().length >= said.length);
  assert.ok(heard().subarray(0, said.length).equals(said));
  agent.deleteTrack(track.id);
  await until('the end of the track', async () => (await client.getRoom(room.id)).peers.every(({ id, tracks }) => id !== agent.id && tracks.length <= 1));
  agent.disconnect();
  echo.kill();
});

test('an interrupt drops what was not played', async () => {
  const room = await client.createRoom();
  const { agent: speaker } = await join_(room.id);
  const { agent: listener, heard } = await join_(room.id);
  const track = speaker.createTrack({ encoding: 'pcm16', sampleRate: 16000, channels: 1 });
  speaker.sendData(track.id, Buffer.alloc(10 * 32_000, 1));
  await until('the beginning', () => heard().length > 3_200);
  speaker.interruptTrack(track.id);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.ok(heard().length < 32_000, `${heard().length} bytes were played`);
  speaker.disconnect();
  listener.disconnect();
});

test('mistakes and wrong tokens close the agent', async () => {
  const room = await client.createRoom();
  const { agent, closed } = await join_(room.id);
  agent.sendData('unknown', Buffer.alloc(640));
  await until('the crash', () => closed.length > 0);
  assert.equal(closed[0][0], 1011);
  const refused = [];
  const stranger = new FishjamAgent(sandbox.config, 'wrong', { onError: () => {}, onClose: (...how) => refused.push(how) });
  await stranger.awaitConnected();
  await until('the refusal', () => refused.length > 0);
  assert.deepEqual(refused[0].map(String), ['1000', 'invalid token']);
});

test('disconnecting is clean', async () => {
  const room = await client.createRoom();
  const { agent, closed } = await join_(room.id);
  agent.disconnect();
  await until('the close', () => closed.length > 0);
  assert.equal(closed[0][0], 1005);
});

test('the codec reads what the sandbox posts', () => {
  const message = ServerMessage.decode(Uint8Array.from([0x52, 4, 10, 2, 0x72, 0x31]));
  assert.equal(message.roomCreated.roomId, 'r1');
});
