// Drives gramjs (npm `telegram`) up to an accepted auth.sendCode.
//
// The key goes into the exported Map of keys. The port of a session is ignored by the library, which takes
// 80 or 443: a subclass of its own socket puts ours in.
'use strict'
const { load, parseArguments, readKey, run } = require('../common.cjs')

const { Api, TelegramClient } = load('telegram')
const { StringSession } = load('telegram/sessions')
const { LAYER } = load('telegram/tl/AllTLObjects')
const bigInt = load('big-integer')
const { _serverKeys } = load('telegram/crypto/RSA')
const network = load('telegram/network')
const { ConnectionTCPMTProxyAbridged } = load('telegram/network/connection/TCPMTProxy')
const { PromisedNetSockets, PromisedWebSockets } = load('telegram/extensions')

const args = parseArguments()

function redirected(sockets, host, port) {
    return class extends sockets {
        async connect(_port, _ip, ...rest) {
            return super.connect(port, host, ...rest)
        }
    }
}

const TRANSPORTS = {
    full: [network.ConnectionTCPFull, PromisedNetSockets],
    abridged: [network.ConnectionTCPAbridged, PromisedNetSockets],
    obfuscated: [network.ConnectionTCPObfuscated, PromisedNetSockets],
    'mtproxy-abridged': [ConnectionTCPMTProxyAbridged, PromisedNetSockets],
    websocket: [network.ConnectionTCPObfuscated, PromisedWebSockets],
}

function client(host, port, authKey) {
    const session = new StringSession('')
    session.setDC(2, host, 80) // saved as 16 bits with a sign, and not used
    if (authKey) session.setAuthKey(authKey, 2)
    const [connection, sockets] = TRANSPORTS[args.transport]
    const app = new TelegramClient(session, 1, 'x'.repeat(32), {
        connection,
        // One key exchange in 256 fails in the library itself: it drops a leading zero of g^ab.
        connectionRetries: 2,
        networkSocket: redirected(sockets, host, port),
        proxy: args.secret && { ip: host, port, secret: args.secret, MTProxy: true },
        useWSS: false,
    })
    app.setLogLevel('error')
    return app
}

async function main() {
    const { n, e, fingerprint } = readKey(args.pemText)
    _serverKeys.set(fingerprint, { n: bigInt(n.toString('hex'), 16), e: e.readUIntBE(0, e.length) })

    const app = client(args.host, args.port)
    await app.connect()
    const config = await app.invoke(new Api.help.GetConfig())
    const refusal = await app.invoke(new Api.users.GetUsers({ id: [new Api.InputUserSelf()] })).then(
        () => null,
        (error) => [error.code, error.errorMessage],
    )
    const pong = await app.invoke(new Api.Ping({ pingId: bigInt(7) }))
    const nearest = await app.invoke(new Api.help.GetNearestDc())
    const countries = await app.invoke(new Api.help.GetCountriesList({ langCode: 'en', hash: 0 }))
    const languages = await app.invoke(new Api.langpack.GetLanguages({ langPack: 'android' }))
    const sent = await app.sendCode({ apiId: 1, apiHash: 'x'.repeat(32) }, args.phone)

    // The same key again, at the address that the configuration gave out.
    const back = config.dcOptions.find((option) => option.id === config.thisDc && !option.ipv6)
    const second = client(back.ipAddress, back.port, app.session.getAuthKey(2))
    await second.connect()
    const again = await second.invoke(new Api.help.GetConfig())
    const sameKey = second.session.getAuthKey(2).keyId.equals(app.session.getAuthKey(2).keyId)
    return {
        client: 'gramjs',
        version: load('telegram/package.json').version,
        layer: LAYER,
        transport: args.transport,
        this_dc: config.thisDc,
        test_mode: config.testMode,
        dc_options: config.dcOptions.map((option) => [option.id, option.ipAddress, option.port]),
        nearest_dc: nearest.nearestDc,
        refusal,
        pong: Number(pong.pingId),
        countries: countries.countries.length,
        languages: languages.length,
        phone_code_hash: sent.phoneCodeHash,
        reconnected: again.thisDc === config.thisDc && sameKey,
    }
}

run(main)
