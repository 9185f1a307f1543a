// Drives mtcute (`@mtcute/node`) over TCP through its high-level client and its own updates manager, which checks
// every pts, asks for differences by itself and again whenever the node opens a new session for its key.
//
// Its SQLite storage needs a compiled package that the tests do not build: the memory storage is written to a file
// instead, by v8's serializer. Its sign-in has no registration, so that one call is raw.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const v8 = require('node:v8')
const p = require('./protocol.cjs')

const args = p.parseArguments()
const storageFile = path.join(args.session, 'storage')

let mtcute, utils, Long, LAYER
let storage, base, app, me, sent
const errorLines = []

async function loadPackage() {
    const file = (name) => import(`${process.cwd()}/node_modules/${name}`)
    mtcute = await file('@mtcute/node/index.js')
    utils = await file('@mtcute/node/utils.js')
    Long = p.load('long')
    LAYER = (await file('@mtcute/core/tl/inner-tl.js')).LAYER
}

/** The repositories hold on to the objects of their driver, so these are filled, not replaced. */
function restore(into, from) {
    if (into instanceof Map) from.forEach((value, key) => into.set(key, value))
    else for (const key of Object.keys(into)) if (from[key]) restore(into[key], from[key])
}

function loadStorage() {
    storage = new mtcute.MemoryStorage()
    if (!fs.existsSync(storageFile)) return
    const kept = v8.deserialize(fs.readFileSync(storageFile))
    for (const [repository, state] of storage.driver.states) {
        if (kept.has(repository)) restore(state, kept.get(repository))
    }
}

function save() {
    fs.writeFileSync(storageFile, v8.serialize(storage.driver.states))
}

function logged(logger) {
    // Level 1 is "error"; the rest goes to standard error as well, for the reader of a failed test.
    logger.mgr.handler = (_color, level, tag, format, values) => {
        const line = `${tag} ${format} ${values.map(String).join(' ')}`
        if (level === 1) errorLines.push(line)
        console.error(line)
    }
}

async function client() {
    const crypto = new utils.NodeCryptoProvider()
    await crypto.initialize?.()
    utils.addPublicKey(crypto, args.pemText)
    const dc = { id: 2, ipAddress: args.host, port: args.port }
    base = new mtcute.BaseTelegramClient({
        apiId: 1,
        apiHash: 'x'.repeat(32),
        crypto,
        defaultDcs: { main: dc, media: { ...dc, mediaOnly: true } },
        initConnectionOptions: { deviceModel: 'mtcute' },
        logLevel: 2,
        storage,
        updates: { catchUp: true },
        // The node is down for a second or two in some tests: the default pauses grow to several.
        reconnectionStrategy: () => 500,
    })
    logged(base.log)
    app = new mtcute.TelegramClient({ client: base })
    base.onRawUpdate.add(({ update }) => p.emit(p.eventOf(update, me)))
    base.onConnectionState.add((state) => {
        if (state === 'connecting' || state === 'offline') p.emit({ event: 'disconnected' })
    })
    base.onError.add((error) => console.error('mtcute:', error))
}

async function connect() {
    await client()
    await app.connect()
    try {
        const self = await app.getMe()
        me = self.id
        await app.notifyLoggedIn(self.raw) // as `start` does: from here on it catches up
    } catch (error) {
        if (!mtcute.tl.RpcError.is(error, 'AUTH_KEY_UNREGISTERED')) throw error
    }
    save()
}

async function start() {
    await loadPackage()
    loadStorage()
    await connect()
    return me
}

const commands = {
    async version() {
        const { version } = JSON.parse(fs.readFileSync('node_modules/@mtcute/node/package.json'))
        return { version, layer: LAYER }
    },
    log: async () => ({ lines: errorLines }),

    async send_code({ phone }) {
        sent = await app.sendCode({ phone })
        return { type: sent.type }
    },
    async sign_in({ phone, code, first_name: firstName }) {
        const number = { phoneNumber: phone.replace(/\D/g, ''), phoneCodeHash: sent.phoneCodeHash }
        // `signIn` of the library takes it that an authorization comes back.
        let done = await app.call({ _: 'auth.signIn', ...number, phoneCode: code })
        const signedUp = done._ === 'auth.authorizationSignUpRequired'
        if (signedUp) done = await app.call({ _: 'auth.signUp', ...number, firstName, lastName: '' })
        me = (await app.notifyLoggedIn(done)).id
        save()
        return { user_id: me, signed_up: signedUp }
    },
    async login(fields) {
        await commands.send_code(fields)
        return commands.sign_in(fields)
    },
    async find({ phone }) {
        const found = await app.importContacts([{ phone, firstName: 'Somebody', lastName: '' }])
        if (!found.imported.length) throw new p.Refused('NOT_FOUND')
        return { user_id: found.imported[0].userId }
    },
    resolve: async ({ username }) => ({ user_id: (await app.resolvePeer(username, true)).userId }),
    async set_username({ username }) {
        await app.setMyUsername(username)
    },
    async send({ to, text, entities = [], reply_to: replyTo, silent }) {
        const formatting = entities.map(([name, offset, length]) => {
            return { _: 'messageEntity' + name[0].toUpperCase() + name.slice(1), offset, length }
        })
        const options = { replyTo: replyTo ?? undefined, silent: silent ?? undefined }
        return { msg_id: (await app.sendText(to, { text, entities: formatting }, options)).id }
    },
    async send_again({ to, text, random_id: randomId }) {
        const peer = await app.resolvePeer(to)
        const result = await app.call({
            _: 'messages.sendMessage',
            peer,
            message: text,
            randomId: Long.fromString(String(randomId)),
        })
        app.handleClientUpdate(result, true)
        return { msg_id: p.sentId(result) }
    },
    async edit({ to, msg_id: message, text }) {
        await app.editMessage({ chatId: to, message, text })
    },
    async delete({ to, msg_ids: ids, revoke = true }) {
        await app.deleteMessagesById(to, ids, { revoke })
    },
    async forward({ source, to, msg_ids: messages }) {
        const forwarded = await app.forwardMessagesById({ fromChatId: source, toChatId: to, messages })
        return { msg_ids: forwarded.map((message) => message.id) }
    },
    async read({ peer, max_id: maxId }) {
        await app.readHistory(peer, { maxId })
    },
    async typing({ to }) {
        const peer = await app.resolvePeer(to)
        await app.call({ _: 'messages.setTyping', peer, action: { _: 'sendMessageTypingAction' } })
    },
    async history({ peer, limit, offset_id: offsetId = 0 }) {
        const found = await app.getHistory(peer, { limit, offset: { id: offsetId, date: 0 } })
        return { messages: found.map((message) => p.messageOf(message.raw, me)) }
    },
    async dialogs() {
        const dialogs = []
        for await (const dialog of app.iterDialogs()) dialogs.push(p.dialogOf(dialog.raw))
        return { dialogs }
    },
    // Of channels.
    async join({ name }) {
        const joined = await app.joinChat(name)
        return { peer: joined.chat?.id, status: joined.status }
    },
    async leave({ peer }) {
        await app.leaveChat(peer)
    },
    async create_supergroup({ title, users }) {
        const made = await app.createSupergroup({ title })
        await app.addChatMembers(made.id, users, {})
        return { peer: made.id }
    },
    async participants({ peer }) {
        const found = []
        for await (const member of app.iterChatMembers(peer)) {
            found.push({ user: member.user.id, status: member.status, title: member.title })
        }
        return { found }
    },
    async ban({ peer, user }) {
        await app.banChatMember({ chatId: peer, participantId: user })
    },
    async pin({ peer, msg_id: message }) {
        await app.pinMessage({ chatId: peer, message })
    },
    async comment({ peer, msg_id: id, text }) {
        const [post] = await app.getMessages(peer, [id])
        const said = await app.commentText(post, text)
        return { msg_id: said.id, peer: said.chat.id }
    },
    async discussion({ peer, msg_id: message }) {
        const [post] = await app.getMessages(peer, [message])
        const found = await app.getDiscussionMessage({ chatId: peer, message })
        const count = post.replies?.count
        return { msg_id: found.id, peer: found.chat.id, sender: found.sender.id, count }
    },
    async topics({ peer }) {
        const found = []
        for await (const topic of app.iterForumTopics(peer)) {
            const { id, title, isClosed, isPinned, unreadCount } = topic
            found.push({ id, title, closed: isClosed, pinned: isPinned, unread: unreadCount })
        }
        return { found }
    },
    async create_topic({ peer, title }) {
        return { msg_id: (await app.createForumTopic({ chatId: peer, title })).id }
    },
    async edit_topic({ peer, topic: topicId, title, closed }) {
        const of = { chatId: peer, topicId }
        if (title) await app.editForumTopic({ ...of, title })
        if (closed !== undefined) await app.toggleForumTopicClosed({ ...of, closed })
    },
    async delete_topic({ peer, topic }) {
        await app.deleteForumTopicHistory(peer, topic)
    },
    async sender({ peer, msg_id: id }) {
        const [found] = await app.getMessages(peer, [id])
        return { sender: found.sender.id, outgoing: found.isOutgoing }
    },
    async get_state() {
        const state = await app.call({ _: 'updates.getState' })
        return { pts: state.pts, local_pts: base.updates.pts ?? null }
    },
    async sessions() {
        const found = await app.call({ _: 'account.getAuthorizations' })
        return { sessions: found.authorizations.map(p.sessionOf) }
    },
    async terminate_others() {
        await app.call({ _: 'auth.resetAuthorizations' })
    },
    async logout() {
        await app.logOut() // and goes on with the same key
        save()
    },
    async set_online({ online }) {
        await app.call({ _: 'account.updateStatus', offline: !online })
    },
    async status({ user }) {
        const { userId, accessHash } = await app.resolvePeer(user)
        const found = await app.call({ _: 'users.getUsers', id: [{ _: 'inputUser', userId, accessHash }] })
        return { online: p.isOnline(found[0].status) }
    },
    async offline() {
        // A client that was closed does not open again; its storage serves the next one.
        await app.destroy()
        save()
    },
    async online() {
        if (base.destroyed) await connect()
        else base.updates.catchUp()
    },
}

// After each command, so that a killed driver finds its login and its pts again.
for (const [name, command] of Object.entries(commands)) {
    commands[name] = async (fields) => {
        const result = await command(fields)
        save()
        return result
    }
}

p.run({
    start,
    stop: () => commands.offline(),
    commands,
    errorOf: (error) => (mtcute?.tl.RpcError.is(error) ? [error.code, error.text] : undefined),
})
