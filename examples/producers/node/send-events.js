// Send usage events straight into Kafka with @platformatic/kafka: node send-events.js SERVERS TOPIC < events.jsonl
import { createInterface } from 'node:readline'
import { Producer, ProduceAcks, compatibilityPartitioner, stringSerializers } from '@platformatic/kafka'

const AT_ONCE = 500

/** The Kafka record of an event: a CloudEvent in binary mode. */
function record (topic, event) {
  return {
    topic,
    key: event.account_id, // decides the partition
    value: JSON.stringify(event.properties ?? {}),
    headers: {
      ce_specversion: '1.0',
      ce_id: event.id, // the same again whenever you send this event again
      ce_source: event.source ?? 'send-events-js',
      ce_type: event.event,
      ce_time: event.time,
      ce_subject: event.account_id,
      'content-type': 'application/json',
      ...(event.user_id === undefined ? {} : { ce_userid: event.user_id })
    }
  }
}

const [servers, topic] = process.argv.slice(2)
const producer = new Producer({
  clientId: 'send-events-js',
  bootstrapBrokers: servers.split(','),
  serializers: stringSerializers,
  acks: ProduceAcks.ALL, // a retry may write an event twice; its id says so
  // Needed: this client's default is murmur2 without the mask that Java's has, which puts half of the accounts elsewhere.
  partitioner: compatibilityPartitioner
})

let sent = 0
let waiting = []

async function write () {
  if (waiting.length === 0) return
  // Rejects if Kafka did not take them: send them again, with the same ids.
  await producer.send({ messages: waiting })
  sent += waiting.length
  waiting = []
}

try {
  for await (const line of createInterface({ input: process.stdin })) {
    waiting.push(record(topic, JSON.parse(line)))
    if (waiting.length === AT_ONCE) await write()
  }
  await write()
  console.log(`${sent} events sent`)
} finally {
  await producer.close()
}
