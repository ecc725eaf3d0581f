// What the tests start: roomtone as a fake platform and as a follower, and what they say.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const roomtone = process.env.ROOMTONE
export const TOKEN = 'development'

export const samples = (platform) =>
  readFileSync(`${process.env.ROOMTONE_DATA}/platforms/${platform}.jsonl`, 'utf8')
    .split('\n').filter(Boolean).map((line) => JSON.parse(line))

// Waits for something that takes milliseconds on an idle machine.
export async function until(what, isSo) {
  for (let waited = 0; !(await isSo()); waited += 20) {
    if (waited > 60_000) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

// A program whose lines are kept. It ends with the test.
function start(t, args, env = {}) {
  const child = spawn(roomtone, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = { out: [], err: [] }
  createInterface({ input: child.stdout }).on('line', (line) => lines.out.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => lines.err.push(line))
  t.after(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  return { child, lines }
}

// `roomtone sandbox --platform`: its address, and a way to let it play events.
export async function fake(t, platform) {
  const { lines } = start(t, ['sandbox', '--platform', platform, '--listen', '127.0.0.1:0'])
  await until('the fake listens', () => lines.out.length > 0)
  const url = lines.out[0]
  const http = url.replace('ws', 'http').replace(/\/$/, '')
  const play = async (events) => {
    const body = events.map((event) => JSON.stringify(event)).join('\n')
    const answer = await fetch(`${http}/sandbox/play`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` }, body })
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  }
  return { url, http, play }
}

// `roomtone events --json --native`: what it has told so far.
export async function follower(t, args, env) {
  const { lines } = start(t, ['events', '--json', '--native', ...args], env)
  await until('roomtone is live', () => lines.err.some((line) => line.includes('the link is up')))
  return { lines, told: () => lines.out.map((line) => JSON.parse(line)) }
}
