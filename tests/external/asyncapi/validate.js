// Prints what AsyncAPI's own parser finds in a document, as JSON: node validate.js FILE
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'))
const found = diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path: path.join('.'), message }))
console.log(JSON.stringify({
  version: document?.version(),
  channels: document?.channels().all().map(channel => channel.address()),
  found
}))
