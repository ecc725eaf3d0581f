// Forwards what only a page knows of a SignalWire room (its devices, its media, its own seat) to a roomtone on this machine.
//
//   <script type="module">
//     import { forwardRoomEvents } from './signalwire-bridge.js'
//     const stop = forwardRoomEvents(roomSession, { url: 'http://127.0.0.1:9470/', token: '…' })
//   </script>
//
// `roomSession` is @signalwire/js's, or anything with `on`, `off` and a `roomSessionId`. Events are sent in their order, and kept
// for a while if roomtone is not there. The page's origin must be one that roomtone was told of.

export const PAGE_EVENTS = [
  'camera.disconnected', 'camera.updated',
  'microphone.disconnected', 'microphone.updated',
  'speaker.disconnected', 'speaker.updated',
  'media.connected', 'media.disconnected', 'media.reconnecting',
  'memberList.updated',
  'room.left',
]

const MOST_WAITING = 1000
const AGAIN_MS = 1000

export function forwardRoomEvents(roomSession, { url, token, onError = console.warn }) {
  const waiting = []
  let isSending = false
  let isStopped = false

  async function send() {
    if (isSending) return
    isSending = true
    while (waiting.length > 0 && !isStopped) {
      const lines = waiting.splice(0, 100)
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
          body: lines.join('\n'),
          keepalive: true,
        })
        // A refusal stays one; only who does not answer is asked again.
        if (!answer.ok) onError(`roomtone refuses ${lines.length} events: ${answer.status} ${await answer.text()}`)
      } catch (error) {
        waiting.unshift(...lines)
        onError(`roomtone cannot be reached: ${error.message}`)
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
    isSending = false
  }

  const listeners = PAGE_EVENTS.map((name) => {
    const listener = (payload) => {
      const line = { sdk_event: name, room_session_id: roomSession.roomSessionId ?? null, payload: plain(payload) }
      waiting.push(JSON.stringify(line))
      if (waiting.length > MOST_WAITING) {
        waiting.shift()
        onError('more events wait than are kept: the oldest is lost')
      }
      send()
    }
    roomSession.on(name, listener)
    return [name, listener]
  })

  return () => {
    isStopped = true
    for (const [name, listener] of listeners) roomSession.off(name, listener)
  }
}

// What can be JSON of what a listener got; media streams and the like cannot.
function plain(payload) {
  try {
    return JSON.parse(JSON.stringify(payload ?? null))
  } catch {
    return null
  }
}
