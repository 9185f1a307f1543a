// A small web client, made with @mtcute/web: it logs a member in, and is logged in when it is opened again.
//
// Built by esbuild with NODE_KEY, the node's RSA key as PEM. It speaks to the host that it came from.
import { IdbStorage, TelegramClient, WebCryptoProvider, WebSocketTransport } from '@mtcute/web'
import { addPublicKey } from '@mtcute/web/utils.js'

// The package's transport knows Telegram's hosts: whatever it asks for, this one is asked.
class Here extends WebSocket {
    constructor(_, protocols) {
        const url = new URL('/apiws', location.href)
        url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
        super(url, protocols)
    }
}

const crypto = new WebCryptoProvider()
await crypto.initialize()
addPublicKey(crypto, NODE_KEY)
const dc = { id: 2, ipAddress: location.hostname, port: Number(location.port) }
const client = new TelegramClient({
    apiId: 1,
    apiHash: 'any',
    crypto,
    defaultDcs: { main: dc, media: { ...dc, mediaOnly: true } },
    logLevel: 0,
    storage: new IdbStorage('member'),
    transport: new WebSocketTransport({ ws: Here }),
})

const shown = (id) => document.getElementById(id)
const say = (text) => (shown('state').textContent = text)

async function logIn() {
    const [phone, phoneCode, firstName] = ['number', 'code', 'name'].map((id) => shown(id).value)
    const { phoneCodeHash } = await client.sendCode({ phone })
    const number = { phoneNumber: phone.replace(/\D/g, ''), phoneCodeHash }
    let done = await client.call({ _: 'auth.signIn', ...number, phoneCode })
    if (done._ === 'auth.authorizationSignUpRequired') {
        done = await client.call({ _: 'auth.signUp', ...number, firstName, lastName: '' })
    }
    await client.notifyLoggedIn(done)
}

async function greet() {
    const me = await client.getMe()
    await client.sendText('me', 'hello from a browser')
    say(`Logged in as ${me.firstName}`)
}

shown('login').addEventListener('submit', (event) => {
    event.preventDefault()
    logIn()
        .then(greet)
        .catch((error) => say(`Failed: ${error}`))
})
try {
    await client.connect()
    const isIn = await client.getMe().then(
        () => true,
        () => false,
    )
    await (isIn ? greet() : say('Ready'))
} catch (error) {
    say(`Failed: ${error}`)
}
