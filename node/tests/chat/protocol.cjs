// What the Node drivers of the chat tests share: the line protocol of `protocol.py`, and the shapes of its events.
// A driver runs with the library's install directory as working directory, like those in `../clients`.
'use strict'
const fs = require('node:fs')
const readline = require('node:readline')
const { parseArgs } = require('node:util')
const { load, readKey } = require('../clients/common.cjs')

const SERVICE = 777000 // the account that login codes and the node's own messages come from
// Channels are shown as this less their number, by all the libraries.
const CHANNELS = -1_000_000_000_000
// A library repeats a request for some time while the node is down, and the tests keep it down for less.
const COMMAND_MS_MAX = 90_000

function parseArguments() {
    const { values } = parseArgs({
        options: {
            client: { type: 'string' },
            host: { type: 'string', default: '127.0.0.1' }, // address of the node
            port: { type: 'string' }, // MTProto port of the node
            pem: { type: 'string' }, // the node's RSA key, PKCS#1 PEM
            session: { type: 'string' }, // directory that keeps the login
        },
    })
    return { ...values, port: Number(values.port), pemText: fs.readFileSync(values.pem, 'utf8') }
}

/** An answer that says no without being an RPC error of the library. */
class Refused extends Error {
    constructor(name, code = 0) {
        super(name)
        this.refusal = [code, name]
    }
}

/**
 * The common message box of a library that keeps none: which of its events were seen.
 * `pts` is what a difference is asked from: every event up to it was seen.
 */
class Box {
    constructor(pts, seenMessages = []) {
        this.pts = pts
        this.ahead = new Map()
        this.seenMessages = new Set(seenMessages)
        // Of those, what a difference brought: a push of one may be on its way all the same.
        this.recoveredMessages = new Set()
    }

    /** Goes on to the state that a difference led to. */
    advance(pts) {
        this.pts = pts
        this.ahead.clear()
    }

    /** Notes the events (pts - count, pts] and tells whether they are new. */
    add(pts, count) {
        if (pts <= this.pts || this.ahead.has(pts)) return false
        this.ahead.set(pts, count)
        for (const end of [...this.ahead.keys()].sort((a, b) => a - b)) {
            if (end - this.ahead.get(end) <= this.pts) {
                this.pts = Math.max(this.pts, end)
                this.ahead.delete(end)
            }
        }
        return true
    }
}

function say(value) {
    fs.writeSync(1, JSON.stringify(value) + '\n')
}

function emit(event) {
    if (event) say(event)
}

/** What was waited for has not come in time. */
class Late extends Error {}

function within(promise, ms) {
    let timer
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Late(`no result after ${ms} ms`)), ms)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * Serves `commands`, an object with an async function per command, until `quit`.
 * `errorOf` gives `[code, NAME]` for an exception of the library, or nothing.
 */
async function serve({ start, stop, commands, errorOf }) {
    // Libraries log by console.log too: standard output is for the protocol alone.
    console.log = console.info = console.warn = console.debug = console.error
    process.on('unhandledRejection', (error) => console.error('unhandled', error))
    const lines = readline.createInterface({ input: process.stdin })
    const pending = []
    let take = (line) => pending.push(line)
    lines.on('line', (line) => take(line))
    lines.on('close', () => process.exit(0))
    const user = await start()
    say({ event: 'ready', user: user ?? null })

    const answer = async ({ id, do: name, ...fields }) => {
        try {
            if (name === 'quit') {
                await within(stop(), 30_000)
                say({ id, ok: true })
                process.exit(0)
            }
            if (!commands[name]) throw new Refused(`no command ${name}`)
            say({ id, ok: true, ...(await within(commands[name](fields), COMMAND_MS_MAX)) })
        } catch (error) {
            const known = error?.refusal ?? errorOf(error)
            if (!known) console.error(error)
            say({ id, ok: false, error: known ?? [0, String(error)] })
        }
    }
    take = (line) => answer(JSON.parse(line))
    pending.forEach(take)
}

function run(driver) {
    serve(driver).catch((error) => {
        console.error(error)
        process.exit(1)
    })
}

// ---- shapes: gramjs and mtcute name their fields alike, and their types but for the first letter ----

/** `updateNewMessage`, however the library says it. */
function kind(value) {
    const name = value?._ ?? value?.className ?? ''
    return name[0]?.toLowerCase() + name.slice(1)
}

/** A number, of whatever class: user ids of gramjs are big integers. */
function number(value) {
    return value === undefined || value === null ? null : Number(value)
}

function userOf(peer) {
    return number(peer?.userId)
}

/** A user's number, or that of a group below zero, of a channel below -10^12, as all the libraries write it. */
function peerOf(peer) {
    if (peer?.channelId) return CHANNELS - number(peer.channelId)
    if (peer?.chatId) return -number(peer.chatId)
    return userOf(peer)
}

function entitiesOf(message) {
    return (message.entities ?? []).map((entity) => {
        const bare = kind(entity).slice('messageEntity'.length)
        return [bare[0].toLowerCase() + bare.slice(1), entity.offset, entity.length]
    })
}

function messageOf(message, me) {
    const peer = peerOf(message.peerId)
    return {
        id: message.id,
        peer,
        out: Boolean(message.out),
        // Telegram leaves from_id out where the peer says it.
        from: userOf(message.fromId) ?? (message.out ? me : peer),
        text: message.message,
        reply_to: message.replyTo?.replyToMsgId ?? null,
        silent: Boolean(message.silent),
        edited: Boolean(message.editDate),
        fwd: userOf(message.fwdFrom?.fromId),
        entities: entitiesOf(message),
    }
}

function isOnline(status) {
    return kind(status) === 'userStatusOnline'
}

/** The event for a new message. */
function arrival(shape) {
    if (shape.peer === SERVICE && !shape.out) return { event: 'service', id: shape.id, text: shape.text }
    return { event: 'message', ...shape }
}

/** The event for one update of the raw API, or null for those that no test looks at. */
function eventOf(update, me) {
    switch (kind(update)) {
        case 'updateNewMessage':
        case 'updateNewChannelMessage':
            return kind(update.message) === 'message' ? arrival(messageOf(update.message, me)) : null
        case 'updateShortMessage':
            return arrival(messageOf({ ...update, peerId: { userId: update.userId } }, me))
        case 'updateEditMessage':
        case 'updateEditChannelMessage':
            return { event: 'edited', ...messageOf(update.message, me) }
        case 'updateDeleteMessages':
        case 'updateDeleteChannelMessages':
            return update.messages.length ? { event: 'deleted', ids: [...update.messages] } : null
        case 'updateReadHistoryOutbox':
            return { event: 'read_outbox', peer: userOf(update.peer), max_id: update.maxId }
        case 'updateReadChannelOutbox':
            return { event: 'read_outbox', peer: CHANNELS - number(update.channelId), max_id: update.maxId }
        case 'updateReadHistoryInbox':
            return {
                event: 'read_inbox',
                peer: userOf(update.peer),
                max_id: update.maxId,
                unread: update.stillUnreadCount,
            }
        case 'updateUserTyping':
            return { event: 'typing', user: number(update.userId) }
        case 'updateUserStatus':
            return { event: 'status', user: number(update.userId), online: isOnline(update.status) }
        default:
            return null
    }
}

/** The message id in the answer to a raw messages.sendMessage. */
function sentId(result) {
    if (kind(result) === 'updateShortSentMessage') return result.id
    return result.updates.find((update) => kind(update) === 'updateMessageID').id
}

function dialogOf(dialog) {
    return {
        peer: peerOf(dialog.peer),
        top: dialog.topMessage,
        unread: dialog.unreadCount,
        read_inbox_max_id: dialog.readInboxMaxId,
        read_outbox_max_id: dialog.readOutboxMaxId,
    }
}

function sessionOf(authorization) {
    return {
        current: Boolean(authorization.current),
        device: authorization.deviceModel,
        layer_app: authorization.appVersion,
    }
}

module.exports = {
    Box,
    Late,
    Refused,
    dialogOf,
    emit,
    eventOf,
    isOnline,
    kind,
    load,
    messageOf,
    number,
    parseArguments,
    readKey,
    run,
    sentId,
    sessionOf,
    userOf,
    within,
}
