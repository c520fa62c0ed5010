// node-coap's client over a wire that loses datagrams, with the example server of libcoap.
//
// nodecoap_lossy.cjs HOST PORT SOURCE SOURCE SOURCE LARGE LEN
//
// What it does, and what it prints of that, is what aiocoap_lossy.py says.
'use strict'

const { Client, LARGE, BLOCK1, check } = require('./nodecoap_peer.cjs')

const PATIENCE_MS = 45000
const ROUNDS = 3
const NOTIFICATIONS = 8
// What is sent again may find done what it asks for.
const CONTENT = ['2.05']
const CHANGED = ['2.01', '2.04']
const DELETED = ['2.02', '4.04']

class Worker {
  static async start(host, port, source) {
    const client = await Client.start(host, port, source)
    client.patienceMs = PATIENCE_MS
    return Object.assign(new Worker(), { client, name: source.includes(':') ? 'v6' : 'v4' })
  }

  async tried(what, doing) {
    const started = Date.now()
    const [outcome, why] = await doing.then(() => ['done', ''], (error) => ['failed', error])
    console.log(`${what} ${outcome} ${Date.now() - started} ${why}`)
  }

  async ask(method, path, among, more) {
    const response = await this.client.request(method, path, more)
    check(among.includes(response.code), `${method} ${path}: ${response.code}`)
    return response.payload
  }

  async reads(path, expect) {
    const payload = await this.ask('GET', path, CONTENT)
    check(payload.equals(Buffer.from(expect)), `${payload.length} bytes: ${payload.subarray(0, 64)}`)
  }

  async small() {
    const path = `/store/node-${this.name}`
    await this.tried('first', this.ask('GET', '/example_data', CONTENT))
    for (let round = 0; round < ROUNDS; round++) {
      await this.tried('put', this.ask('PUT', path, CHANGED, { payload: '21.5' }))
      await this.tried('get', this.reads(path, '21.5'))
      await this.tried('post', this.ask('POST', path, CHANGED, { payload: '22' }))
      await this.tried('get-changed', this.reads(path, '22'))
      await this.tried('delete', this.ask('DELETE', path, DELETED))
      await this.tried('separate', this.reads('/async?2', 'done'))
    }
    await this.tried('observe', this.client.notifications(NOTIFICATIONS))
  }

  // A block that comes twice, node-coap 1.5.0 takes for two, and asks for the next one twice.
  async readsAtLeast(path, expect) {
    const payload = await this.ask('GET', path, CONTENT)
    const ends = [0, -16].map((at) => payload.subarray(at).indexOf(expect.subarray(at).subarray(0, 16)))
    check(payload.length >= expect.length && ends.every((at) => at === 0), `${payload.length} bytes`)
  }

  async download(path, body) {
    await this.tried('first-download', this.ask('GET', '/example_data', CONTENT))
    await this.tried('download', this.readsAtLeast(path, body))
  }

  async upload(body) {
    const more = { payload: body, options: { Block1: BLOCK1 } }
    await this.tried('upload', this.ask('PUT', `/store/node-large-${this.name}`, CHANGED, more))
  }
}

async function work(host, port, ...rest) {
  const [large, len, ...sources] = [...rest.splice(-2), ...rest]
  const body = LARGE.subarray(0, Number(len))
  const started = sources.map((source) => Worker.start(host, Number(port), source))
  const [small, download, upload] = await Promise.all(started)
  await Promise.all([small.small(), download.download(large, body), upload.upload(body)])
  process.exit(0)
}

work(...process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})
