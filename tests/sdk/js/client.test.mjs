// Every public call of the JavaScript client, and every error it tells apart.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import {
  BadRequestException,
  FishjamClient,
  FishjamNotFoundException,
  MissingFishjamIdException,
  PeerNotFoundException,
  RoomNotFoundException,
  RoomType,
  ServiceUnavailableException,
  UnauthorizedException,
  UnknownException,
  VideoCodec,
} from '@fishjam-cloud/js-server-sdk';

import { startSandbox } from './sandbox.mjs';

let sandbox;
let client;
before(async () => {
  sandbox = await startSandbox();
  client = new FishjamClient(sandbox.config);
});
after(() => sandbox.stop());

test('rooms', async () => {
  const plain = await client.createRoom();
  assert.deepEqual(plain.config, {
    maxPeers: 0,
    roomType: 'conference',
    videoCodec: 'h264',
    public: false,
    batchWebhookNotifications: false,
    webhookUrl: null,
  });
  const room = await client.createRoom({ maxPeers: 1, roomType: RoomType.AudioOnly, videoCodec: VideoCodec.Vp8 });
  assert.equal(room.config.maxPeers, 1);
  assert.ok((await client.getAllRooms()).some(({ id }) => id === room.id));
  assert.deepEqual(await client.getRoom(room.id), room);
  await client.deleteRoom(room.id);
  await assert.rejects(client.getRoom(room.id), RoomNotFoundException);
  await assert.rejects(client.deleteRoom('invalid_id'), RoomNotFoundException);
  await assert.rejects(client.createRoom({ maxPeers: 'nan' }), BadRequestException);
});

test('peers', async () => {
  const room = await client.createRoom({ maxPeers: 2 });
  const { peer, peerToken } = await client.createPeer(room.id, { metadata: { realName: 'Tom' } });
  assert.deepEqual(peer.metadata, { peer: {}, server: { realName: 'Tom' } });
  assert.notEqual(await client.refreshPeerToken(room.id, peer.id), peerToken);
  const other = (await client.createPeer(room.id)).peer;
  await assert.rejects(client.createPeer(room.id), (error) => error instanceof UnknownException && error.statusCode === 409);
  await client.subscribePeer(room.id, peer.id, other.id);
  await client.subscribeTracks(room.id, peer.id, ['t1']);
  const seen = (await client.getRoom(room.id)).peers.find(({ id }) => id === peer.id);
  assert.deepEqual(seen.subscriptions, { peers: [other.id], tracks: ['t1'] });
  await client.deletePeer(room.id, other.id);
  await assert.rejects(client.deletePeer(room.id, other.id), PeerNotFoundException);
  await assert.rejects(client.refreshPeerToken(room.id, other.id), PeerNotFoundException);
  await assert.rejects(client.createPeer('invalid_id'), FishjamNotFoundException);
});

test('livestreams', async () => {
  const stream = await client.createRoom({ roomType: RoomType.Livestream });
  const viewer = await client.createLivestreamViewerToken(stream.id);
  const streamer = await client.createLivestreamStreamerToken(stream.id);
  assert.ok(viewer.token && viewer.token !== streamer.token);
  const room = await client.createRoom();
  await assert.rejects(client.createLivestreamViewerToken(room.id), FishjamNotFoundException);
  await assert.rejects(client.createLivestreamStreamerToken(room.id), FishjamNotFoundException);
});

test('errors', async () => {
  assert.throws(() => new FishjamClient({ fishjamId: '', managementToken: 'x' }), MissingFishjamIdException);
  const stranger = new FishjamClient({ ...sandbox.config, managementToken: 'wrong' });
  await assert.rejects(stranger.getAllRooms(), UnauthorizedException);
  for (const [status, error] of [[503, ServiceUnavailableException], [402, UnknownException], [500, UnknownException]]) {
    await sandbox.fault('rest', { count: 1, status });
    await assert.rejects(client.getAllRooms(), error);
  }
});

test('a deprecation is shown once', async (context) => {
  const warn = context.mock.method(console, 'warn', () => {});
  await sandbox.control('deprecation', { on: true });
  const fresh = new FishjamClient(sandbox.config);
  await fresh.getAllRooms();
  await fresh.getAllRooms();
  await sandbox.control('deprecation', { on: false });
  assert.equal(warn.mock.callCount(), 1);
});

test('no public call of the client is left out', () => {
  const tests = readFileSync(new URL(import.meta.url), 'utf8') + readFileSync(new URL('./sockets.test.mjs', import.meta.url), 'utf8');
  // The second is private in the SDK's types; the test of deprecations goes through it.
  const inner = ['constructor', 'handleDeprecationHeader'];
  const names = Object.getOwnPropertyNames(FishjamClient.prototype).filter((name) => !inner.includes(name));
  assert.ok(names.length >= 12);
  assert.deepEqual(names.filter((name) => !tests.includes(`.${name}(`)), []);
});
