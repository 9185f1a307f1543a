// Joins over a WebSocket (ws or wss) from an address of this machine, with a header that claims another
// one; says at which address the node saw its login.
'use strict'
const http = require('node:http')
const https = require('node:https')
const { load, parseArguments, readKey, run } = require('../clients/common.cjs')

const { Api, TelegramClient } = load('telegram')
const { StringSession } = load('telegram/sessions')
const bigInt = load('big-integer')
const { _serverKeys } = load('telegram/crypto/RSA')
const { ConnectionTCPObfuscated } = load('telegram/network')
const { PromisedWebSockets } = load('telegram/extensions')

const [scheme, localAddress, claimed] = process.argv.splice(2, 3)
const args = parseArguments()

// The library's own requests, as a liar sends them.
for (const protocol of [http, https]) {
    const request = protocol.request
    protocol.request = (options, ...rest) => {
        const headers = { ...options.headers, 'X-Forwarded-For': claimed, Forwarded: `for=${claimed}` }
        return request({ ...options, localAddress, headers }, ...rest)
    }
}

// The library takes port 80 or 443, whatever a session says.
class Sockets extends PromisedWebSockets {
    getWebSocketLink(ip, port) {
        return `${scheme}://${ip}:${port}/apiws`
    }

    async connect(_port, _ip, ...rest) {
        return super.connect(args.port, args.host, ...rest)
    }
}

async function main() {
    const { n, e, fingerprint } = readKey(args.pemText)
    _serverKeys.set(fingerprint, { n: bigInt(n.toString('hex'), 16), e: e.readUIntBE(0, e.length) })
    const session = new StringSession('')
    session.setDC(2, args.host, 80)
    const app = new TelegramClient(session, 1, 'x'.repeat(32), {
        connection: ConnectionTCPObfuscated,
        // One key exchange in 256 fails in the library itself: it drops a leading zero of g^ab.
        connectionRetries: 2,
        networkSocket: Sockets,
        useWSS: false,
    })
    app.setLogLevel('error')
    await app.connect()
    const phoneNumber = args.phone
    const { phoneCodeHash } = await app.sendCode({ apiId: 1, apiHash: 'x'.repeat(32) }, phoneNumber)
    await app.invoke(new Api.auth.SignIn({ phoneNumber, phoneCodeHash, phoneCode: args.code }))
    await app.invoke(new Api.auth.SignUp({ phoneNumber, phoneCodeHash, firstName: 'Bob', lastName: '' }))
    const found = await app.invoke(new Api.account.GetAuthorizations())
    return { ips: found.authorizations.map((one) => one.ip) }
}

run(main)
