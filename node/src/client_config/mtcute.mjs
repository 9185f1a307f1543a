// Logs a member of a Rookery node in with mtcute, and writes a word to Saved messages.
//
// Run it once more, and it is logged in: the session is kept in `member.session`.
//     npm install @mtcute/node@0.30.3
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { MemoryStorage, TelegramClient } from '@mtcute/node'
import { addPublicKey, NodeCryptoProvider } from '@mtcute/node/utils.js'

const DC = { id: @DC@, ipAddress: @HOST@, port: @PORT@, ipv6: @HOST@.includes(':') }
const KEY = `@PEM@
`

const crypto = new NodeCryptoProvider()
await crypto.initialize?.()
addPublicKey(crypto, KEY)
// A node takes any api_id and api_hash.
const client = new TelegramClient({
    apiId: 1,
    apiHash: 'any',
    crypto,
    defaultDcs: { main: DC, media: { ...DC, mediaOnly: true } },
    logLevel: 2,
    storage: new MemoryStorage(),
})

const terminal = createInterface({ input: process.stdin })
const lines = terminal[Symbol.asyncIterator]()
const ask = async (what) => {
    process.stdout.write(what)
    return (await lines.next()).value ?? ''
}

async function logIn() {
    const phone = await ask('Number: ')
    const { phoneCodeHash } = await client.sendCode({ phone })
    const number = { phoneNumber: phone.replace(/\D/g, ''), phoneCodeHash }
    let done
    try {
        done = await client.call({ _: 'auth.signIn', ...number, phoneCode: await ask('Code: ') })
    } catch (error) {
        if (error.text !== 'SESSION_PASSWORD_NEEDED') throw error
        await client.checkPassword({ password: await ask('Password: ') })
        return
    }
    // A new member. The library's own login takes it that there is none.
    if (done._ === 'auth.authorizationSignUpRequired') {
        const firstName = await ask('Your name: ')
        done = await client.call({ _: 'auth.signUp', ...number, firstName, lastName: '' })
    }
    await client.notifyLoggedIn(done)
}

const SESSION = 'member.session'
if (existsSync(SESSION)) await client.importSession(readFileSync(SESSION, 'utf8'))
await client.connect()
let me = await client.getMe().catch(() => null)
if (!me) {
    await logIn()
    me = await client.getMe()
    writeFileSync(SESSION, await client.exportSession(), { mode: 0o600 })
}
terminal.close()
await client.sendText('me', 'hello from mtcute')
console.log('Logged in as', me.firstName)
await client.destroy()
process.exit(0)
