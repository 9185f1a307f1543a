// Drives gramjs (npm `telegram`): TCP full, its StringSession in a file, and its own sign-in flow.
//
// gramjs knows no pts and asks for no difference: what the node pushes twice arrives twice. This driver keeps a box
// of what was seen and catches up by a raw updates.getDifference. The session keeps no access hashes, so a new
// process asks for the dialogs first, as an application of this library has to. A request that it makes while the
// connection is down may be lost in its queues: it is made again here, with the random_id that it has.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const p = require('./protocol.cjs')

const { Api, TelegramClient } = p.load('telegram')
const { StringSession } = p.load('telegram/sessions')
const { Raw } = p.load('telegram/events')
const { LAYER } = p.load('telegram/tl/AllTLObjects')
const { _serverKeys } = p.load('telegram/crypto/RSA')
const { BadMessageError, RPCError } = p.load('telegram/errors')
const network = p.load('telegram/network')
const { PromisedNetSockets } = p.load('telegram/extensions')
const bigInt = p.load('big-integer')

const args = p.parseArguments()
const sessionFile = path.join(args.session, 'session')
const stateFile = path.join(args.session, 'state.json')
const TRY_MS = 10_000
const TRIES = 7 // together less than the limit of a command
const credentials = { apiId: 1, apiHash: 'x'.repeat(32) }

// The library takes port 80 or 443, whatever the session says. And it tells of a lost connection only when it makes
// another, a second later.
class Redirected extends PromisedNetSockets {
    async connect(_port, _ip, ...rest) {
        await super.connect(args.port, args.host, ...rest)
        this.client.on('close', () => p.emit({ event: 'disconnected' }))
    }
}

let app, session, me, box, date, sent

function target(peer) {
    return peer === 'self' ? 'me' : bigInt(peer)
}

function save() {
    fs.writeFileSync(sessionFile, session.save())
    if (box) fs.writeFileSync(stateFile, JSON.stringify({ pts: box.pts, date, seen: [...box.seenMessages] }))
}

/** Notes an update in the box and tells whether it is new there. */
function note(update) {
    if (!box) return true
    if (p.kind(update) === 'updateNewMessage') box.seenMessages.add(update.message.id)
    return update.pts && update.ptsCount ? box.add(update.pts, update.ptsCount) : true
}

function ownResult(result) {
    for (const update of result?.updates ?? []) note(update)
    if (result?.ptsCount !== undefined) {
        note(result)
        if (p.kind(result) === 'updateShortSentMessage') box?.seenMessages.add(result.id)
    }
    save()
}

function onUpdate(update) {
    if (update instanceof network.UpdateConnectionState) return
    const overtaken = p.kind(update) === 'updateNewMessage' && box?.recoveredMessages.has(update.message.id)
    // Shown even if pushed before: a push that comes twice is the node's mistake.
    note(update)
    save()
    if (!overtaken) p.emit(p.eventOf(update, me))
}

async function catchUp() {
    for (;;) {
        const difference = await app.invoke(new Api.updates.GetDifference({ pts: box.pts, date, qts: 0 }))
        if (difference instanceof Api.updates.DifferenceEmpty) break
        if (difference instanceof Api.updates.DifferenceTooLong) {
            p.emit({ event: 'too_long', pts: difference.pts })
            box.advance(difference.pts)
            continue
        }
        for (const message of difference.newMessages) {
            if (box.seenMessages.has(message.id)) continue
            box.seenMessages.add(message.id)
            box.recoveredMessages.add(message.id)
            p.emit(p.eventOf({ _: 'updateNewMessage', message }, me))
        }
        for (const update of difference.otherUpdates) {
            if (note(update)) p.emit(p.eventOf(update, me))
        }
        const state = difference.state ?? difference.intermediateState
        box.advance(state.pts)
        date = state.date
        if (difference.state) break
    }
    save()
}

async function loggedIn() {
    me = p.userOf(await app.getMe(true))
    if (!box) {
        const state = await app.invoke(new Api.updates.GetState())
        box = new p.Box(state.pts)
        date = state.date
    }
    save()
}

/** The answer to a request, which is made again when none comes, or the library cannot say whether one will. */
async function again(invoke) {
    for (let left = TRIES; ; left--) {
        try {
            return await p.within(invoke(), TRY_MS)
        } catch (error) {
            const unknown = error instanceof p.Late || error instanceof BadMessageError
            if (!unknown || !left) throw error
            console.error('again:', String(error))
        }
    }
}

async function connect() {
    app = new TelegramClient(session, credentials.apiId, credentials.apiHash, {
        connection: network.ConnectionTCPFull,
        connectionRetries: 60,
        deviceModel: 'gramjs',
        floodSleepThreshold: 0,
        networkSocket: Redirected,
        requestRetries: 5,
        retryDelay: 1000,
        useWSS: false,
    })
    app.setLogLevel('error')
    const invoke = app.invoke.bind(app)
    app.invoke = async (...call) => {
        const result = await again(() => invoke(...call))
        ownResult(result)
        return result
    }
    app.addEventHandler(onUpdate, new Raw({}))
    await app.connect()
    if (await app.checkAuthorization()) {
        await loggedIn()
        await app.getDialogs({})
        await catchUp()
    }
}

async function start() {
    const { n, e, fingerprint } = p.readKey(args.pemText)
    _serverKeys.set(fingerprint, { n: bigInt(n.toString('hex'), 16), e: e.readUIntBE(0, e.length) })
    session = new StringSession(fs.existsSync(sessionFile) ? fs.readFileSync(sessionFile, 'utf8') : '')
    session.setDC(2, args.host, 80) // saved as 16 bits with a sign, and not used
    if (fs.existsSync(stateFile)) {
        const kept = JSON.parse(fs.readFileSync(stateFile))
        box = new p.Box(kept.pts, kept.seen)
        date = kept.date
    }
    await connect()
    return me
}

async function signedIn(authorization, signedUp) {
    await loggedIn()
    return { user_id: p.number(authorization.user.id), signed_up: signedUp }
}

const commands = {
    version: async () => ({ version: p.load('telegram/package.json').version, layer: LAYER }),
    log: async () => ({ lines: [] }),

    async send_code({ phone }) {
        sent = await app.sendCode(credentials, phone)
        return { type: sent.isCodeViaApp ? 'SentCodeTypeApp' : 'other' }
    },
    async sign_in({ phone, code, first_name: firstName }) {
        const number = { phoneNumber: phone, phoneCodeHash: sent.phoneCodeHash }
        const answer = await app.invoke(new Api.auth.SignIn({ ...number, phoneCode: code }))
        if (!(answer instanceof Api.auth.AuthorizationSignUpRequired)) return signedIn(answer, false)
        const done = await app.invoke(new Api.auth.SignUp({ ...number, firstName, lastName: '' }))
        return signedIn(done, true)
    },
    async login({ phone, code, first_name: firstName }) {
        let failure
        let signedUp = false
        const user = await app
            .signInUser(credentials, {
                phoneNumber: phone,
                phoneCode: async () => code,
                firstAndLastNames: async () => {
                    signedUp = true
                    return [firstName, '']
                },
                onError: async (error) => {
                    failure = error
                    return true // stop
                },
            })
            .catch((error) => {
                throw failure ?? error
            })
        return signedIn({ user }, signedUp)
    },
    async find({ phone }) {
        const name = { firstName: 'Somebody', lastName: '' }
        const contact = new Api.InputPhoneContact({ clientId: bigInt(1), phone, ...name })
        const found = await app.invoke(new Api.contacts.ImportContacts({ contacts: [contact] }))
        if (!found.imported.length) throw new p.Refused('NOT_FOUND')
        return { user_id: p.number(found.imported[0].userId) }
    },
    resolve: async ({ username }) => ({ user_id: p.number((await app.getEntity(username)).id) }),
    async set_username({ username }) {
        await app.invoke(new Api.account.UpdateUsername({ username }))
    },
    async send({ to, text, entities = [], reply_to: replyTo, silent }) {
        const formattingEntities = entities.map(([name, offset, length]) => {
            return new Api['MessageEntity' + name[0].toUpperCase() + name.slice(1)]({ offset, length })
        })
        const how = { replyTo: replyTo ?? undefined, silent: silent ?? undefined }
        const options = { message: text, formattingEntities, ...how }
        return { msg_id: (await app.sendMessage(target(to), options)).id }
    },
    async send_again({ to, text, random_id: randomId }) {
        const peer = await app.getInputEntity(target(to))
        const send = new Api.messages.SendMessage({ peer, message: text, randomId: bigInt(randomId) })
        return { msg_id: p.sentId(await app.invoke(send)) }
    },
    async edit({ to, msg_id: message, text }) {
        await app.editMessage(target(to), { message, text, formattingEntities: [] })
    },
    async delete({ to, msg_ids: ids, revoke = true }) {
        await app.deleteMessages(target(to), ids, { revoke })
    },
    async forward({ source, to, msg_ids: messages }) {
        const forwarded = await app.forwardMessages(target(to), { messages, fromPeer: target(source) })
        return { msg_ids: forwarded.flat().map((message) => message.id) }
    },
    async read({ peer, max_id: maxId }) {
        await app.markAsRead(target(peer), undefined, { maxId, clearMentions: true })
    },
    async typing({ to }) {
        const peer = await app.getInputEntity(target(to))
        await app.invoke(new Api.messages.SetTyping({ peer, action: new Api.SendMessageTypingAction() }))
    },
    async history({ peer, limit, offset_id: offsetId = 0 }) {
        const messages = await app.getMessages(target(peer), { limit, offsetId })
        return { messages: messages.map((message) => p.messageOf(message, me)) }
    },
    async dialogs() {
        const found = await app.getDialogs({})
        return { dialogs: found.map(({ dialog }) => p.dialogOf(dialog)) }
    },
    async get_state() {
        const state = await app.invoke(new Api.updates.GetState())
        return { pts: state.pts, local_pts: box?.pts ?? null }
    },
    async sessions() {
        const found = await app.invoke(new Api.account.GetAuthorizations())
        return { sessions: found.authorizations.map(p.sessionOf) }
    },
    async terminate_others() {
        await app.invoke(new Api.auth.ResetAuthorizations())
    },
    async logout() {
        // The library has no more than this call, and goes on with the same key.
        await app.invoke(new Api.auth.LogOut())
        box = undefined
        fs.rmSync(stateFile, { force: true })
    },
    async set_online({ online }) {
        await app.invoke(new Api.account.UpdateStatus({ offline: !online }))
    },
    async status({ user }) {
        const found = await app.invoke(new Api.users.GetUsers({ id: [await app.getInputEntity(target(user))] }))
        return { online: p.isOnline(found[0].status) }
    },
    async offline() {
        save()
        await app.destroy()
    },
    async online() {
        if (app.connected) await catchUp()
        else await connect()
    },
}

async function stop() {
    await commands.offline()
}

p.run({
    start,
    stop,
    commands,
    errorOf: (error) => (error instanceof RPCError ? [error.code, error.errorMessage] : undefined),
})
