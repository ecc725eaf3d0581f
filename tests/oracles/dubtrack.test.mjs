// Dubtrack's own client against our fake, and roomtone against the true Engine.IO 3.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import test from 'node:test'

import { TOKEN, fake, follower, samples, until } from './programs.mjs'

const require = createRequire(import.meta.url)
const ROOM = '6500a1b2c3d4e5f600000001'
const own = new Set(['on_ready', 'on_joined_room'])
const played = samples('dubtrack').filter((sample) => !own.has(sample.event)).map((sample) => sample.frame)
const args = (server) =>
  ['--source', 'dubtrack', '--url', server.url, '--api', server.http, '--user', 'agent', '--room', ROOM]

const nameOf = (frame) => {
  const action = JSON.parse(frame.slice(1))
  return action.message?.name ?? 'presence'
}

test("the site's own client and roomtone hear the same from our fake", { timeout: 120_000 }, async (t) => {
  const SocketClient = require('dubtrack-ws-client')
  console.trace = () => {} // It traces that the connection ends.
  const server = await fake(t, 'dubtrack')
  const { told } = await follower(t, args(server), { DUBTRACK_PASSWORD: TOKEN })
  const client = new SocketClient({ host: server.url.replace(/^ws:\/\//, '').replace(/\/$/, ''), token: 'x', transports: ['websocket'], retriesAmount: 0 })
  t.after(() => client.close())
  const heard = new Map()
  let attached = 0
  client.connection.on('connected', () => {
    for (const name of [`room:${ROOM}`, 'user:6500a1b2c3d4e5f6000000e1']) {
      const channel = client.channels.get(name)
      channel.on('message:*', (message) => heard.set(message.name, message.data))
      channel.presence.subscribe('enter', (presence) => heard.set('presence', presence))
      channel.attach(() => { attached += 1 })
    }
  })
  await until('it is attached', () => attached === 2)
  await server.play(played)
  const names = played.map(nameOf)
  await until('the client has heard all', () => names.every((name) => heard.has(name)))
  await until('roomtone has told all', () => names.every((name) => told().some((event) => event.native?.name === name)))
  for (const name of names.filter((name) => name !== 'presence')) {
    const ours = told().find((event) => event.native?.name === name)
    assert.deepEqual(ours.native.payload, JSON.parse(JSON.stringify(heard.get(name))), name)
  }
})

test('roomtone speaks with the true Engine.IO 3, pings and all', { timeout: 120_000 }, async (t) => {
  const engine = require('engine.io')
  const calls = []
  // Dubtrack's calls, as few as it takes.
  const http = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`)
    const data = request.url === '/auth/token' ? { token: 'a/b+c' } : { _id: request.url.startsWith('/room/') ? ROOM : 'me' }
    response.setHeader('set-cookie', 'connect.sid=1; Path=/')
    response.end(JSON.stringify({ data: request.url.endsWith('/users') && request.method === 'GET' ? [] : data }))
  })
  const sockets = engine.attach(http, { path: '/ws', pingInterval: 200, pingTimeout: 5_000, transports: ['websocket'] })
  let pings = 0
  let token
  sockets.on('connection', (socket) => {
    token = socket.request._query.access_token
    socket.on('packet', (packet) => { pings += packet.type === 'ping' })
    socket.send(JSON.stringify({ action: 4, clientId: 'me', connectionId: socket.id }))
    socket.on('message', (text) => {
      const action = JSON.parse(text)
      if (action.action !== 10) return
      socket.send(JSON.stringify({ ...action, action: 11, clientId: 'me', connectionId: socket.id }))
      if (action.channel === `room:${ROOM}`) played.forEach((frame) => socket.send(frame.slice(1)))
    })
  })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => { sockets.close(); http.close(); http.closeAllConnections() })
  const host = `127.0.0.1:${http.address().port}`
  const server = { url: `ws://${host}/ws/`, http: `http://${host}` }
  const { told, lines } = await follower(t, args(server), { DUBTRACK_PASSWORD: 'secret word' })
  const names = played.map(nameOf)
  await until('all is told', () => names.every((name) => told().some((event) => event.native?.name === name)))
  await until('it pings', () => pings >= 3)
  assert.equal(token, 'a/b+c')
  assert.ok(calls.includes('POST /auth/login') && calls.includes(`POST /room/${ROOM}/users`), calls.join(', '))
  assert.ok(!lines.err.some((line) => line.includes('down')), lines.err.join('\n'))
})
