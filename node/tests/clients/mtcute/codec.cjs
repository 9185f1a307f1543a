// Decodes each line of standard input (hexadecimal) with mtcute's readers, and prints it encoded again.
// First line printed: its version and layer.
'use strict'
const fs = require('node:fs')
const readline = require('node:readline')
require('../common.cjs')

async function main() {
    const file = (path) => import(`${process.cwd()}/node_modules/@mtcute/${path}`)
    const { TlBinaryReader, TlBinaryWriter } = await file('tl-runtime/index.js')
    const { __tlReaderMap: readers } = await file('core/tl/binary/reader.js')
    const { __tlWriterMap: writers } = await file('core/tl/binary/writer.js')
    const { LAYER } = await file('core/tl/inner-tl.js')
    const again = (hex) => {
        try {
            const data = Buffer.from(hex, 'hex')
            const reader = new TlBinaryReader(readers, data)
            const value = reader.object()
            if (reader.pos !== data.length) return `error: ${data.length - reader.pos} bytes left`
            return Buffer.from(TlBinaryWriter.serializeObject(writers, value)).toString('hex')
        } catch (error) {
            return `error: ${String(error).split('\n')[0]}`
        }
    }
    const { version } = JSON.parse(fs.readFileSync('node_modules/@mtcute/core/package.json'))
    const lines = [`${version} ${LAYER}`]
    readline
        .createInterface({ input: process.stdin })
        .on('line', (line) => lines.push(again(line)))
        .on('close', () => process.stdout.write(lines.join('\n') + '\n'))
}

main()
