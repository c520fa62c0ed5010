// MQTT.js at work: mqttjs_peer.cjs HOST VERSION, with VERSION 3.1, 3.1.1 or 5.0.
//
// Each scenario checks that every message arrives; the last line counts them.
'use strict'

const mqtt = require('mqtt')

const [host, version] = process.argv.slice(2)
const v5 = version === '5.0'
const PROTOCOL = {
  3.1: { protocolId: 'MQIsdp', protocolVersion: 3 },
  '3.1.1': { protocolId: 'MQTT', protocolVersion: 4 },
  '5.0': { protocolId: 'MQTT', protocolVersion: 5 },
}[version]
const ROOT = `mqttjs/${version}`
const PATIENCE_MS = 20000

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function check(condition, what) {
  if (!condition) throw new Error(what)
}

// What `probe` answers, as soon as it answers.
async function until(what, probe) {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const answer = probe()
    if (answer) return answer
    check(Date.now() < deadline, `${what}: not within ${PATIENCE_MS} ms`)
    await sleep(5)
  }
}

// One client, connected, with what it received in a list.
class Device {
  static async connect(name, options = {}) {
    const device = new Device()
    device.received = []
    device.connects = 0
    device.client = mqtt.connect({
      host,
      port: 1883,
      clientId: `mqttjs-${version}-${name}`,
      reconnectPeriod: 50,
      ...PROTOCOL,
      ...options,
    })
    device.client.on('message', (topic, payload, packet) => device.received.push({ topic, payload, packet }))
    device.client.on('error', (error) => { device.error = error })
    device.client.on('connect', (connack) => {
      device.connects += 1
      device.connack = connack
    })
    await until(`${name} connects`, () => {
      if (device.error) throw device.error
      return device.connects
    })
    return device
  }

  subscribe(topic, qos, options = {}) {
    return this.client.subscribeAsync(topic, { qos, ...options })
  }

  publish(topic, payload, qos, options = {}) {
    return this.client.publishAsync(`${ROOT}/${topic}`, payload, { qos, ...options })
  }

  // No more under way at a time than the broker has in mind for one client: it discards the rest.
  async publishAll(topic, payloads, qos) {
    for (let at = 0; at < payloads.length; at += 15) {
      await Promise.all(payloads.slice(at, at + 15).map((payload) => this.publish(topic, payload, qos)))
    }
  }

  // The payloads of the next `count` messages, as text.
  async take(count) {
    await until(`${count} messages`, () => this.received.length >= count)
    return this.received.splice(0, count).map(({ payload }) => payload.toString())
  }

  leave() {
    return this.client.endAsync()
  }
}

const numbered = (count) => Array.from({ length: count }, (_, number) => `reading ${number}`)
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

async function everyQosBothWays() {
  for (const qos of [0, 1, 2]) {
    const device = await Device.connect(`qos${qos}`)
    await device.subscribe(`${ROOT}/qos/${qos}`, qos)
    await device.publishAll(`qos/${qos}`, numbered(150), qos)
    check(same(await device.take(150), numbered(150)), `QoS ${qos} in order`)
    await device.client.unsubscribeAsync(`${ROOT}/qos/${qos}`)
    await device.leave()
  }
  return 450
}

async function retained() {
  const device = await Device.connect('retainer')
  await device.publish('state', 'on', 1, { retain: true })
  const late = await Device.connect('late')
  await late.subscribe(`${ROOT}/state`, 1)
  check(same(await late.take(1), ['on']), 'the retained message')
  await device.publish('state', '', 1, { retain: true })
  check(same(await late.take(1), ['']), 'its end')
  await device.leave()
  await late.leave()
  return 2
}

async function wills() {
  const heir = await Device.connect('heir')
  await heir.subscribe(`${ROOT}/will`, 1)
  const will = { topic: `${ROOT}/will`, payload: 'gone', qos: 2, retain: false }
  if (v5) will.properties = { willDelayInterval: 1, contentType: 'text/plain', userProperties: { by: 'will' } }
  const kept = v5 ? { properties: { sessionExpiryInterval: 5 } } : {}
  const testator = await Device.connect('testator', { will, reconnectPeriod: 0, ...kept })
  await testator.publish('before', 'alive', 1)
  testator.client.stream.destroy()
  check(same(await heir.take(1), ['gone']), 'the will')
  await heir.leave()
  return 1
}

async function sessionsResume() {
  const kept = v5 ? { properties: { sessionExpiryInterval: 300 } } : {}
  const options = { clean: false, ...kept }
  let device = await Device.connect('sleeper', options)
  await device.subscribe(`${ROOT}/sleep/#`, 2)
  await device.leave()
  const other = await Device.connect('waker')
  await other.publishAll('sleep/1', numbered(30), 1)
  await other.publishAll('sleep/2', numbered(30), 2)
  device = await Device.connect('sleeper', options)
  check(version === '3.1' || device.connack.sessionPresent, 'the session is present')
  check(same((await device.take(60)).sort(), [...numbered(30), ...numbered(30)].sort()), 'all that waited')
  await device.leave()
  await other.leave()
  await (await Device.connect('sleeper', { clean: true })).leave()
  return 60
}

async function largePayloads() {
  const device = await Device.connect('large')
  const payload = Buffer.alloc(1 << 20, 'weir')
  await device.subscribe(`${ROOT}/large`, 2)
  for (const qos of [0, 1, 2]) {
    await device.publish('large', payload, qos)
    await until('the large message', () => device.received.length)
    check(device.received.shift().payload.equals(payload), 'whole')
  }
  await device.leave()
  return 3
}

async function idleConnectionsAreKept() {
  const device = await Device.connect('idle', { keepalive: 1 })
  await sleep(4000)
  await device.subscribe(`${ROOT}/idle`, 1)
  await device.publish('idle', 'still here', 1)
  check(same(await device.take(1), ['still here']) && device.connects === 1, 'one connection all the time')
  await device.leave()
  return 1
}

async function connectionsComeBack() {
  const kept = v5 ? { properties: { sessionExpiryInterval: 300 } } : {}
  const device = await Device.connect('comeback', { clean: false, ...kept })
  await device.subscribe(`${ROOT}/comeback`, 1)
  for (let round = 1; round <= 3; round += 1) {
    const sent = Promise.all(numbered(20).map((payload) => device.publish('comeback', payload, 1)))
    device.client.stream.destroy()
    await until('it comes back', () => device.connects > round)
    await sent
    // At least once: what was under way may come twice.
    const missing = () => {
      const there = new Set(device.received.map(({ payload }) => payload.toString()))
      return numbered(20).filter((payload) => !there.has(payload))
    }
    await until('all messages', () => missing().length === 0)
    device.received = []
  }
  await device.leave()
  return 60
}

async function manyShortConnections() {
  const counter = await Device.connect('counter')
  await counter.subscribe(`${ROOT}/short`, 1)
  for (let number = 0; number < 60; number += 1) {
    const device = await Device.connect(`short${number % 7}`)
    await device.publish('short', 'x', number % 3)
    await device.leave()
  }
  await counter.take(60)
  await counter.leave()
  return 60
}

// The library gives topics aliases by itself, and takes those of the broker.
async function aliasesAndUserProperties() {
  const device = await Device.connect('alias', {
    autoAssignTopicAlias: true,
    properties: { topicAliasMaximum: 5, requestResponseInformation: true, requestProblemInformation: true },
  })
  await device.subscribe(`${ROOT}/alias/#`, 2, { properties: { subscriptionIdentifier: 7 }, rap: true })
  for (let number = 0; number < 30; number += 1) {
    const properties = {
      userProperties: { unit: '°C', n: [String(number), 'again'] },
      contentType: 'text/plain',
      responseTopic: `${ROOT}/answer`,
      correlationData: Buffer.from([0, 255]),
      messageExpiryInterval: 60,
      payloadFormatIndicator: true,
    }
    await device.publish(`alias/${number % 12}`, '21.5', number % 3, { properties })
    const { packet } = await until('the message', () => device.received.shift())
    check(packet.properties.userProperties.unit === '°C', 'user properties')
    check(packet.properties.subscriptionIdentifier === 7, 'the subscription identifier')
  }
  await device.leave()
  return 30
}

async function sharedSubscriptions() {
  const members = await Promise.all([1, 2, 3].map((number) => Device.connect(`member${number}`)))
  for (const member of members) await member.subscribe(`$share/crew/${ROOT}/jobs`, 1)
  const boss = await Device.connect('boss')
  await boss.publishAll('jobs', numbered(60), 1)
  const count = () => members.reduce((sum, { received }) => sum + received.length, 0)
  await until('every job', () => count() >= 60)
  for (const device of [...members, boss]) await device.leave()
  return 60
}

// One by one, so that the broker never has more under way than it may.
async function smallReceiveMaximum() {
  const narrow = await Device.connect('narrow', { properties: { receiveMaximum: 2, maximumPacketSize: 4096 } })
  await narrow.subscribe(`${ROOT}/narrow`, 2, { rh: 1 })
  const other = await Device.connect('wide')
  for (const payload of numbered(30)) {
    await other.publish('narrow', payload, 2)
    check(same(await narrow.take(1), [payload]), payload)
  }
  await narrow.leave()
  await other.leave()
  return 30
}

async function main() {
  const scenarios = [everyQosBothWays, retained, wills, sessionsResume, largePayloads, idleConnectionsAreKept,
    connectionsComeBack, manyShortConnections]
  if (v5) scenarios.push(aliasesAndUserProperties, sharedSubscriptions, smallReceiveMaximum)
  let total = 0
  for (const scenario of scenarios) {
    const count = await scenario()
    console.log(`${scenario.name}: ${count}`)
    total += count
  }
  console.log(`arrived: ${total}`)
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
