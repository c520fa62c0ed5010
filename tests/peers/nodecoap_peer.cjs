// node-coap at work, as a server or as a client.
//
// nodecoap_peer.cjs serve PORT
// nodecoap_peer.cjs HOST PORT SOURCE [report]
//
// What the server has, and what the client does, is what aiocoap_peer.py says. It also has `/large`, for clients
// whose uploads it can't put together: it knows the blocks of a body by their token, which need not be the same.
'use strict'

const dgram = require('dgram')
const net = require('net')
const coap = require('coap')

const PATIENCE_MS = 30000
// Larger than a message, and than a block.
const LARGE = Buffer.from(Array.from({ length: 64 * 1024 }, (_, at) => 97 + (at % 23)))
// The size exponent of a block of 1024 bytes, as an option.
const BLOCK1 = Buffer.of(6)
const LINKS = '</time>;obs,</async>,</example_data>,</store>'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function check(condition, what) {
  if (!condition) throw new Error(what)
}

function within(patienceMs, what, promise) {
  const late = sleep(patienceMs).then(() => check(false, `${what}: not within ${patienceMs} ms`))
  return Promise.race([promise, late])
}

// --- The server ---------------------------------------------------------------------------------

const kept = new Map()
const reports = new Map()

function answer(request, response) {
  const [path, query] = request.url.split('?')
  if (path === '/time') return tell(request, response)
  if (path === '/async') return setTimeout(() => response.end('done'), Number(query) * 1000)
  if (path === '/large') return response.end(LARGE)
  if (path === '/example_data') return response.end(LARGE.subarray(0, 1500))
  if (path === '/.well-known/core') return response.end(LINKS)
  if (path === '/report') return report(query, response)
  return store(path, request, response)
}

// Whatever was PUT or POSTed, by its path.
function store(path, request, response) {
  const is_new = !kept.has(path)
  switch (request.method) {
    case 'GET':
      response.code = is_new ? '4.04' : '2.05'
      return response.end(kept.get(path))
    case 'DELETE':
      kept.delete(path)
      response.code = '2.02'
      return response.end()
    default:
      kept.set(path, Buffer.from(request.payload))
      response.code = is_new ? '2.01' : '2.04'
      return response.end()
  }
}

// How often that was POSTed.
function report(who, response) {
  reports.set(who, (reports.get(who) ?? 0) + 1)
  response.code = '2.04'
  response.end(Buffer.concat([Buffer.from(`${reports.get(who)} `), LARGE.subarray(0, 300)]))
}

// The time, and twenty times a second again to whoever observes it.
function tell(request, response) {
  const now = () => (Date.now() / 1000).toFixed(2)
  if (request.headers.Observe !== 0) return response.end(now())
  response.write(now())
  const ticking = setInterval(() => response.write(now()), 50)
  response.on('finish', () => clearInterval(ticking))
}

function serve(port) {
  coap.createServer({ type: 'udp6' }, answer).listen(port, () => console.log('serving'))
}

// --- The client ---------------------------------------------------------------------------------

class Client {
  static async start(host, port, source) {
    const client = new Client()
    Object.assign(client, { host, port, count: 0, patienceMs: PATIENCE_MS })
    const type = net.isIPv6(source) ? 'udp6' : 'udp4'
    client.socket = dgram.createSocket(type)
    await new Promise((resolve) => client.socket.bind(0, source, resolve))
    client.agent = new coap.Agent({ type, socket: client.socket })
    return client
  }

  // The first response, and the request it answers.
  request(method, path, { payload, ...more } = {}) {
    const { host: hostname, port, agent } = this
    const [pathname, query] = path.split('?')
    const response = new Promise((resolve, reject) => {
      const request = coap.request({ hostname, port, agent, method, pathname, query, ...more })
      request.on('response', resolve)
      request.on('error', reject)
      request.end(payload)
    })
    return within(this.patienceMs, `${method} ${path}`, response)
  }

  async ask(method, path, expect, more) {
    const response = await this.request(method, path, more)
    check(response.code === expect, `${method} ${path}: ${response.code}`)
    this.count += 1
    return response.payload
  }

  async firstContact() {
    const started = Date.now()
    const data = await this.ask('GET', '/example_data', '2.05')
    console.log(`first answer: ${Date.now() - started} ms`)
    check(data.length === 1500, `${data.length} bytes`)
    check((await this.ask('GET', '/.well-known/core', '2.05')).includes('</time>'), 'links')
  }

  async report() {
    const said = String(await this.ask('POST', '/report?node', '2.04', { payload: 'now' }))
    check(said === `1 ${LARGE.subarray(0, 300)}`, said)
  }

  async lifeOfAResource() {
    const path = '/store/node'
    await this.ask('PUT', path, '2.01', { payload: '21.5' })
    check(String(await this.ask('GET', path, '2.05')) === '21.5', 'what was PUT')
    await this.ask('POST', path, '2.04', { payload: '22' })
    check(String(await this.ask('GET', path, '2.05', { confirmable: false })) === '22', 'what was POSTed')
    await this.ask('DELETE', path, '2.02')
    await this.ask('GET', path, '4.04')
  }

  async lateAnswers() {
    check(String(await this.ask('GET', '/async?1', '2.05')) === 'done', 'late')
  }

  async blocks() {
    const path = '/store/node-large'
    await this.ask('PUT', path, '2.01', { payload: LARGE, options: { Block1: BLOCK1 } })
    check(LARGE.equals(await this.ask('GET', path, '2.05')), 'blocks')
    await this.ask('DELETE', path, '2.02')
  }

  async notifications(count) {
    const stream = await this.request('GET', '/time', { observe: true })
    check(stream.code === '2.05', `observation: ${stream.code}`)
    let seen = 0
    const all = new Promise((resolve) => stream.on('data', () => (++seen === count ? resolve() : null)))
    await within(this.patienceMs, 'notifications', all)
    // Tells the server that it has had enough.
    stream.close()
    await sleep(200)
    this.count += count
  }
}

async function work(host, port, source, ...words) {
  const client = await Client.start(host, Number(port), source)
  if (words.includes('report')) await client.report()
  await client.firstContact()
  await client.lifeOfAResource()
  await client.lateAnswers()
  await client.blocks()
  await client.notifications(4)
  console.log(`arrived: ${client.count}`)
  process.exit(0)
}

if (require.main === module) {
  const [first, ...rest] = process.argv.slice(2)
  if (first === 'serve') {
    serve(Number(rest[0]))
  } else {
    work(first, ...rest).catch((error) => {
      console.error(error)
      process.exit(1)
    })
  }
}

module.exports = { Client, LARGE, BLOCK1, check }
