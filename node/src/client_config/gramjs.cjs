// Logs a member of a Rookery node in with gramjs, and writes a word to Saved messages.
//
// Run it once more, and it is logged in: the session is kept in the folder `member`.
//     npm install telegram@2.26.22
'use strict'
const { createInterface } = require('node:readline')
const bigInt = require('big-integer')
const { TelegramClient } = require('telegram')
const { _serverKeys } = require('telegram/crypto/RSA')
const { PromisedNetSockets } = require('telegram/extensions')
const { StoreSession } = require('telegram/sessions')

const HOST = @HOST@
const PORT = @PORT@
const DC = @DC@

_serverKeys.set('@FINGERPRINT@', {
    n: bigInt('@MODULUS@'.slice(2), 16),
    e: @EXPONENT@,
})

// The library connects to port 80, whatever it was told.
class Sockets extends PromisedNetSockets {
    connect(_port, _host, ...rest) {
        return super.connect(PORT, HOST, ...rest)
    }
}

async function main() {
    const session = new StoreSession('member')
    await session.load()
    session.setDC(DC, HOST, PORT)
    // A node takes any api_id and api_hash. One key exchange in 256 fails in the library: it tries again.
    const client = new TelegramClient(session, 1, 'any', {
        connectionRetries: 2,
        networkSocket: Sockets,
        useWSS: false,
    })
    client.setLogLevel('error')
    const terminal = createInterface({ input: process.stdin })
    const lines = terminal[Symbol.asyncIterator]()
    const ask = async (what) => {
        process.stdout.write(what)
        return (await lines.next()).value ?? ''
    }
    await client.start({
        phoneNumber: () => ask('Number: '),
        phoneCode: () => ask('Code: '),
        password: () => ask('Password: '),
        firstAndLastNames: async () => [await ask('Your name: '), ''],
        onError: (error) => {
            throw error
        },
    })
    terminal.close()
    await client.sendMessage('me', { message: 'hello from gramjs' })
    const me = await client.getMe()
    console.log('Logged in as', me.firstName)
    await client.destroy()
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(error)
        process.exit(1)
    },
)
