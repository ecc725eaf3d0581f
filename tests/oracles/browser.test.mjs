// A real browser with SignalWire's own SDK, before our fake: what only the page knows reaches roomtone by the script in web/.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import { TOKEN, fake, follower, samples, until } from './programs.mjs'

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0)

// A token for a page; its header names the host. Nobody here looks at its signature.
const jwt = (host) => {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url')
  return `${part({ alg: 'none', typ: 'VRT', ch: host })}.${part({ r: 'harbour', ja: 'member' })}.${TOKEN}`
}

const page = (server, bridge) => `<!doctype html><title>oracle</title>
<script src="/signalwire.js"></script>
<script type="module">
import { forwardRoomEvents } from '/bridge.js'
const { Video } = SignalWire
const room = new Video.RoomSession({ token: ${JSON.stringify(jwt(server.url))}, audio: true, video: false })
const forwarded = new EventTarget()
// The SDK's own session, and beside it what a page without hardware cannot provoke.
const both = {
  get roomSessionId() { return ${JSON.stringify(SESSION)} },
  on: (name, listener) => { room.on(name, listener); forwarded.addEventListener(name, (event) => listener(event.detail)) },
  off: () => {},
}
forwardRoomEvents(both, { url: ${JSON.stringify(bridge)}, token: 'page' })
const tell = (name, detail) => forwarded.dispatchEvent(new CustomEvent(name, { detail }))
const report = (text) => fetch('/report', { method: 'POST', body: text })
room.on('room.joined', (joined) => report('joined ' + joined.room_session.id))
room.join().catch((error) => report('failed: ' + (error.message ?? JSON.stringify(error))))
for (const [name, payload] of ${JSON.stringify(PAGE)}) tell(name, payload)
// From another origin, or without the token, nothing is taken.
const wrong = await fetch(${JSON.stringify(bridge)}, { method: 'POST', headers: { authorization: 'Bearer wrong' }, body: '{}' })
report('refused with ' + wrong.status)
</script>`

const local = samples('signalwire').filter((sample) => sample.origin !== 'wire')
const SESSION = local[0].frame.room_session_id
const PAGE = local.map((sample) => [sample.event, sample.frame.payload])

test('what only a page knows reaches roomtone', { timeout: 180_000, skip: chromium ? false : 'there is no Chromium' }, async (t) => {
  const server = await fake(t, 'signalwire')
  const reports = []
  const files = {
    '/signalwire.js': readFileSync('node_modules/@signalwire/js/dist/index.umd.js'),
    '/bridge.js': readFileSync(process.env.ROOMTONE_BRIDGE),
  }
  let html = ''
  const web = createServer((request, response) => {
    if (request.method === 'POST') {
      request.on('data', (data) => reports.push(String(data)))
      return response.end()
    }
    response.setHeader('content-type', request.url.endsWith('.js') ? 'text/javascript' : 'text/html')
    response.end(files[request.url] ?? html)
  })
  await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
  t.after(() => { web.close(); web.closeAllConnections() })
  const origin = `http://127.0.0.1:${web.address().port}`
  const args = ['--source', 'signalwire', '--url', server.url, '--project', 'p', '--bridge', '127.0.0.1:0', '--bridge-origin', origin]
  const { told, lines } = await follower(t, args, { SIGNALWIRE_TOKEN: TOKEN, ROOMTONE_BRIDGE_TOKEN: 'page' })
  const bridge = lines.err.map((line) => line.match(/pages forward to (\S+)/)?.[1]).find(Boolean)
  html = page(server, bridge)
  const started = { room_session_id: SESSION, room_session: { id: SESSION, event_channel: 'EC_1' } }
  await server.play([{ event_type: 'video.room.started', params: started }])
  const home = mkdtempSync(join(tmpdir(), 'roomtone-chromium-'))
  const browser = spawn(chromium, [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
    '--remote-debugging-port=0', `--user-data-dir=${home}`, `${origin}/`,
  ], { stdio: 'ignore', detached: true })
  t.after(async () => {
    // With all of its processes, which hold the folder.
    process.kill(-browser.pid, 'SIGKILL')
    if (browser.exitCode === null && browser.signalCode === null) await once(browser, 'exit')
    await until('its folder is gone', () => {
      try {
        rmSync(home, { recursive: true, force: true })
        return true
      } catch {
        return false
      }
    })
  })
  const names = local.map((sample) => sample.event)
  await until('all is forwarded', () => names.every((name) => told().some((event) => event.native?.name === name)))
  for (const sample of local) {
    const event = told().find((event) => event.native.name === sample.event)
    assert.equal(event.room, SESSION, sample.event)
    assert.deepEqual(event.native.payload, sample.frame.payload, sample.event)
  }
  await until('the page has reported', () => reports.length >= 2)
  assert.deepEqual(reports.toSorted(), [`joined ${SESSION}`, 'refused with 401'])
  const stranger = await fetch(bridge, { method: 'POST', headers: { origin: 'https://evil.example', authorization: 'Bearer page' }, body: '{}' })
  assert.equal(stranger.status, 403)
  // A page must not speak for the server.
  const body = JSON.stringify({ sdk_event: 'video.room.ended', room_session_id: SESSION, payload: { room_session_id: SESSION } })
  const forged = await fetch(bridge, { method: 'POST', headers: { origin, authorization: 'Bearer page' }, body })
  assert.equal(forged.status, 400)
})
