// Decodes each line of standard input (hexadecimal) with gramjs's classes, and prints it encoded again.
// First line printed: its version and layer.
'use strict'
const readline = require('node:readline')
const { load } = require('../common.cjs')

const { BinaryReader } = load('telegram/extensions')
const { LAYER } = load('telegram/tl/AllTLObjects')

function again(hex) {
    try {
        const reader = new BinaryReader(Buffer.from(hex, 'hex'))
        const value = reader.tgReadObject()
        const rest = reader.getBuffer().length - reader.tellPosition()
        return rest ? `error: ${rest} bytes left` : value.getBytes().toString('hex')
    } catch (error) {
        return `error: ${String(error).split('\n')[0]}`
    }
}

const lines = [`${load('telegram/package.json').version} ${LAYER}`]
readline
    .createInterface({ input: process.stdin })
    .on('line', (line) => lines.push(again(line)))
    .on('close', () => process.stdout.write(lines.join('\n') + '\n'))
