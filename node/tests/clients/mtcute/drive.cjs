// Drives mtcute up to an accepted auth.sendCode: @mtcute/node over TCP, @mtcute/web over WebSocket.
//
// The web package expects a browser. Node lends it what it looks for: a WebSocket (npm `ws`), its wasm as
// a file and a `navigator`. Its transport builds `wss://SUBDOMAIN.DOMAIN/apiws`: `127` and `0.0.1:PORT`.
'use strict'
const fs = require('node:fs')
const { load, parseArguments, run } = require('../common.cjs')

const args = parseArguments()
const web = args.transport.startsWith('websocket')
const name = web ? '@mtcute/web' : '@mtcute/node'
let mtcute, utils, LAYER

// The packages are ES modules, found from the working directory and not from beside this script.
async function loadPackage() {
    const file = (path) => import(`${process.cwd()}/node_modules/${path}`)
    if (web) {
        globalThis.navigator ??= { onLine: true, userAgent: 'Node.js' }
        globalThis.addEventListener ??= () => {}
        globalThis.WebSocket = load('ws')
    }
    mtcute = await file(`${name}/index.js`)
    utils = await file(`${name}/utils.js`)
    LAYER = web ? (await file('@mtcute/tl/index.js')).tl.LAYER : (await file('@mtcute/core/tl/inner-tl.js')).LAYER
}

function webSocket(host, port) {
    // The plain variant, as a page on http:// would have it.
    class Plain extends globalThis.WebSocket {
        constructor(url, protocols) {
            super(url.replace('wss:', 'ws:'), protocols)
        }
    }
    const [first, ...rest] = host.split('.')
    return new mtcute.WebSocketTransport({
        ws: args.transport === 'websocket' ? Plain : globalThis.WebSocket,
        baseDomain: `${rest.join('.')}:${port}`,
        subdomains: { 2: first },
    })
}

// TCP with another framing than the package's own choice, made of the codecs that it exports.
function tcp(codec) {
    return new (class extends mtcute.TcpTransport {
        packetCodec() {
            return codec()
        }
    })()
}

function transport(host, port) {
    switch (args.transport) {
        case 'intermediate':
            return new mtcute.TcpTransport()
        case 'padded':
            return tcp(() => new mtcute.PaddedIntermediatePacketCodec())
        case 'intermediate-obfuscated':
            return tcp(() => new mtcute.ObfuscatedPacketCodec(new mtcute.IntermediatePacketCodec()))
        case 'padded-obfuscated':
            return tcp(() => new mtcute.ObfuscatedPacketCodec(new mtcute.PaddedIntermediatePacketCodec()))
        case 'mtproxy':
            return new mtcute.MtProxyTcpTransport({ host, port, secret: args.secret })
        case 'websocket':
        case 'websocket-tls':
            return webSocket(host, port)
    }
    throw new Error(`unknown transport ${args.transport}`)
}

async function cryptoProvider() {
    if (!web) return new utils.NodeCryptoProvider()
    const file = load.resolve('@mtcute/wasm/mtcute.wasm')
    return new mtcute.WebCryptoProvider({ wasmInput: new WebAssembly.Module(fs.readFileSync(file)) })
}

async function client(host, port) {
    const crypto = await cryptoProvider()
    await crypto.initialize?.()
    utils.addPublicKey(crypto, args.pemText)
    const dc = { id: 2, ipAddress: host, port }
    return new mtcute.TelegramClient({
        apiId: 1,
        apiHash: 'x'.repeat(32),
        crypto,
        defaultDcs: { main: dc, media: { ...dc, mediaOnly: true } },
        logLevel: 2,
        storage: new mtcute.MemoryStorage(),
        transport: transport(host, port),
    })
}

async function main() {
    await loadPackage()
    const app = await client(args.host, args.port)
    await app.connect()
    const config = await app.call({ _: 'help.getConfig' })
    const refusal = await app.call({ _: 'users.getUsers', id: [{ _: 'inputUserSelf' }] }).then(
        () => null,
        (error) => [error.code, error.text],
    )
    const nearest = await app.call({ _: 'help.getNearestDc' })
    const countries = await app.call({ _: 'help.getCountriesList', langCode: 'en', hash: 0 })
    const languages = await app.call({ _: 'langpack.getLanguages', langPack: 'android' })
    const sent = await app.sendCode({ phone: args.phone })

    // The same key again, at the address that the configuration gave out.
    const back = config.dcOptions.find((option) => option.id === config.thisDc && !option.ipv6)
    const session = await app.exportSession()
    const second = await client(back.ipAddress, back.port)
    await second.importSession(session)
    await second.connect()
    const again = await second.call({ _: 'help.getConfig' })
    const sameKey = session === (await second.exportSession())
    return {
        client: name,
        version: JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version,
        layer: LAYER,
        transport: args.transport,
        this_dc: config.thisDc,
        test_mode: config.testMode,
        dc_options: config.dcOptions.map((option) => [option.id, option.ipAddress, option.port]),
        nearest_dc: nearest.nearestDc,
        refusal,
        countries: countries.countries.length,
        languages: languages.length,
        phone_code_hash: sent.phoneCodeHash,
        reconnected: again.thisDc === config.thisDc && sameKey,
    }
}

run(main)
