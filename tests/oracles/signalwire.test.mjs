// SignalWire's own Realtime client and roomtone, before one server: the same events, the same ids.

import assert from 'node:assert/strict'
import test from 'node:test'

import { SignalWire } from '@signalwire/realtime-api'

import { TOKEN, fake, follower, samples, until } from './programs.mjs'

const LISTENERS = {
  onRoomUpdated: 'room.updated', onRoomAudienceCount: 'room.audience_count', onLayoutChanged: 'layout.changed',
  onMemberJoined: 'member.joined', onMemberLeft: 'member.left', onMemberUpdated: 'member.updated', onMemberTalking: 'member.talking',
  onPlaybackStarted: 'playback.started', onPlaybackUpdated: 'playback.updated', onPlaybackEnded: 'playback.ended',
  onRecordingStarted: 'recording.started', onRecordingUpdated: 'recording.updated', onRecordingEnded: 'recording.ended',
  onStreamStarted: 'stream.started', onStreamEnded: 'stream.ended',
}

test('the realtime client and roomtone hear the same', { timeout: 120_000 }, async (t) => {
  const server = await fake(t, 'signalwire')
  const env = { SIGNALWIRE_TOKEN: TOKEN }
  const { told } = await follower(t, ['--source', 'signalwire', '--url', server.url, '--project', 'p'], env)
  const heard = new Map()
  const client = await SignalWire({ host: server.url, project: 'p', token: TOKEN })
  t.after(() => client.disconnect())
  let isListening = false
  await client.video.listen({
    onRoomStarted: async (room) => {
      const note = (event) => (what) => {
        // Of repetitions that the client makes up the first one counts.
        const asset = ['playback', 'recording', 'stream'].includes(event.split('.')[0])
        const id = event.startsWith('member') ? what.memberId ?? what.id : asset ? what.id : room.roomSessionId
        if (!heard.has(event)) heard.set(event, new Set())
        heard.get(event).add(id)
      }
      await room.listen(Object.fromEntries(Object.entries(LISTENERS).map(([on, event]) => [on, note(event)])))
      isListening = true
    },
  })
  const wire = samples('signalwire').filter((sample) => sample.origin === 'wire' && sample.event !== 'room.joined')
  const { room_session_id: session } = wire[0].frame.params.params
  const channel = wire[0].frame.params.event_channel
  const started = { room_session_id: session, room_session: { id: session, event_channel: channel } }
  await server.play([{ event_type: 'video.room.started', params: started }])
  await until('both follow the room', () => isListening && told().some((event) => event.event === 'room.entered'))
  await server.play(wire.map((sample) => sample.frame))
  const names = Object.values(LISTENERS)
  await until('the client has heard all', () => names.every((name) => heard.has(name)))
  const native = (event) => event.native?.name.replace('video.', '')
  await until('roomtone has told all', () => names.every((name) => told().some((event) => native(event) === name)))
  for (const name of names) {
    const ours = told().filter((event) => native(event) === name)
    const id = (event) => {
      const payload = event.native.payload
      const asset = payload.playback ?? payload.recording ?? payload.stream
      return payload.member?.id ?? asset?.id ?? payload.room_session_id
    }
    // The client makes up more of them, so ours must be among its own.
    for (const event of ours) assert.ok(heard.get(name).has(id(event)), `${name}: ${id(event)} is not among ${[...heard.get(name)]}`)
    for (const event of ours) assert.equal(event.event_id, wire.find((sample) => sample.event === name).frame.id)
  }
})
