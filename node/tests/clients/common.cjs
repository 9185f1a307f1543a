// What the Node clients' scripts share: arguments, the node's RSA key and the one-line report.
// The scripts run with the client's install directory as working directory: `load` finds packages there.
'use strict'
const { createRequire } = require('node:module')
const { parseArgs } = require('node:util')
const crypto = require('node:crypto')
const fs = require('node:fs')

const RUN_MS_MAX = 60_000

const load = createRequire(process.cwd() + '/')

function parseArguments() {
    const { values } = parseArgs({
        options: {
            host: { type: 'string', default: '127.0.0.1' }, // address of the node
            port: { type: 'string' }, // MTProto port of the node
            pem: { type: 'string' }, // the node's RSA key, PKCS#1 PEM
            transport: { type: 'string' },
            secret: { type: 'string' }, // MTProxy secret, hexadecimal
            phone: { type: 'string' },
            code: { type: 'string' }, // what the login asks for, where the script logs in
        },
    })
    return { ...values, port: Number(values.port), pemText: fs.readFileSync(values.pem, 'utf8') }
}

// Modulus and exponent of a PEM, and the fingerprint: low 64 bits of SHA-1 over their TL strings, signed.
function readKey(pemText) {
    const jwk = crypto.createPublicKey(pemText).export({ format: 'jwk' })
    const n = Buffer.from(jwk.n, 'base64url')
    const e = Buffer.from(jwk.e, 'base64url')
    const tlString = (data) => {
        const head = data.length < 254 ? [data.length] : [254, data.length & 255, data.length >> 8, 0]
        const unpadded = Buffer.concat([Buffer.from(head), data])
        return Buffer.concat([unpadded, Buffer.alloc((4 - (unpadded.length % 4)) % 4)])
    }
    const hash = crypto.createHash('sha1').update(Buffer.concat([tlString(n), tlString(e)])).digest()
    return { n, e, fingerprint: hash.readBigInt64LE(12).toString() }
}

// Runs `main`, an async function that returns the report, prints that as one JSON line and ends the process.
function run(main) {
    const finish = (report) => {
        fs.writeSync(1, JSON.stringify(report) + '\n')
        process.exit(report.ok ? 0 : 1)
    }
    const fail = (error) => {
        console.error(error)
        finish({ ok: false, error: String(error) })
    }
    setTimeout(() => fail(new Error(`no result after ${RUN_MS_MAX} ms`)), RUN_MS_MAX)
    process.on('unhandledRejection', fail)
    main().then((report) => finish({ ok: true, ...report }), fail)
}

module.exports = { load, parseArguments, readKey, run }
