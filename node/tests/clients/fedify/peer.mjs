// A server of the fediverse with one person on it, made of Fedify: what it takes from its inbox, Fedify has
// verified; what it sends, Fedify signs, with RFC 9421 first and as draft-cavage where that is refused.
//
// Runs with the install directory as working directory. Commands come as JSON lines on standard input, each
// answered by one line `{"answer": ..}` or `{"error": ..}`; what comes into the inbox is a line `{"came": ..}`.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import readline from 'node:readline'
import { parseArgs } from 'node:util'

const load = createRequire(process.cwd() + '/')
const from = (name) => import(pathToFileURL(load.resolve(name)).href)
const { createFederation, generateCryptoKeyPair, MemoryKvStore } = await from('@fedify/fedify')
const { Accept, Activity, Endpoints, Follow, Note, Object: AnyObject, Person, isActor, traverseCollection } =
    await from('@fedify/vocab')

const { configure, getStreamSink } = await from('@logtape/logtape')

// Why it does not take something is what a failed test is about.
await configure({
    sinks: { log: getStreamSink(Writable.toWeb(process.stderr)) },
    loggers: [
        { category: 'fedify', sinks: ['log'], lowestLevel: 'info' },
        { category: ['logtape', 'meta'], sinks: ['log'], lowestLevel: 'warning' },
    ],
})

const { values } = parseArgs({
    options: {
        origin: { type: 'string' }, // https://NAME.test
        listen: { type: 'string' }, // address to listen on
        cert: { type: 'string' }, // PEM files of its certificate and key; without them it speaks http
        key: { type: 'string' },
        user: { type: 'string', default: 'mia' },
        name: { type: 'string', default: 'Mia of the Fediverse' },
    },
})
const { origin, user } = values
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const keys = [await generateCryptoKeyPair('RSASSA-PKCS1-v1_5'), await generateCryptoKeyPair('Ed25519')]
// Objects of this server by their path, as the commands give them.
const objects = new Map()

const federation = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true })
federation
    .setActorDispatcher('/users/{identifier}', async (ctx, identifier) => {
        if (identifier !== user) return null
        const pairs = await ctx.getActorKeyPairs(identifier)
        return new Person({
            id: ctx.getActorUri(identifier),
            preferredUsername: identifier,
            name: values.name,
            inbox: ctx.getInboxUri(identifier),
            endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
            url: new URL(`/@${identifier}`, origin),
            publicKey: pairs[0].cryptographicKey,
            assertionMethods: pairs.map((pair) => pair.multikey),
        })
    })
    .setKeyPairsDispatcher((_, identifier) => (identifier === user ? keys : []))
federation.setObjectDispatcher(Note, '/notes/{id}', (_, { id }) => {
    const found = objects.get(`/notes/${id}`)
    return found ? Note.fromJsonLd(found) : null
})
federation
    .setInboxListeners('/users/{identifier}/inbox', '/inbox')
    .on(Activity, async (_, activity) => say({ came: await activity.toJsonLd({ format: 'compact' }) }))
    .onError((_, error) => say({ failed: String(error) }))

const serve = async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = ['GET', 'HEAD'].includes(request.method) ? undefined : Buffer.concat(chunks)
    const asked = new Request(new URL(request.url, origin), {
        method: request.method, headers: request.headers, body,
    })
    const nothing = () => new Response('', { status: 404 })
    const answer = await federation.fetch(asked, {
        contextData: undefined, onNotFound: nothing, onNotAcceptable: nothing,
    })
    if (body) say({ post: new URL(asked.url).pathname, status: answer.status })
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(Buffer.from(await answer.arrayBuffer()))
}

const context = federation.createContext(new URL(origin), undefined)
const signed = await context.getDocumentLoader({ identifier: user })
const found = async (uri) => {
    const object = await context.lookupObject(uri, { documentLoader: signed })
    if (!object) throw new Error(`nothing at ${uri}`)
    return object
}
const commands = {
    // What a person finds who types an address or a handle.
    lookup: async ({ uri }) => (await found(uri)).toJsonLd({ format: 'compact' }),
    // A document as it is served.
    fetch: async ({ uri }) => (await signed(uri)).document,
    // An answer as anybody gets it who signs nothing.
    get: async ({ uri, method, headers }) => {
        const answer = await fetch(uri, { method, headers, redirect: 'manual' })
        const bytes = Buffer.from(await answer.arrayBuffer())
        return {
            status: answer.status, headers: Object.fromEntries(answer.headers), length: bytes.length,
            sha256: createHash('sha256').update(bytes).digest('hex'), text: bytes.subarray(0, 50_000).toString(),
        }
    },
    // All of a collection, by its pages.
    collect: async ({ uri }) => {
        const items = []
        for await (const item of traverseCollection(await found(uri), { documentLoader: signed })) {
            items.push(await item.toJsonLd({ format: 'compact' }))
        }
        return items
    },
    // Sends an activity to an actor's inbox.
    send: async ({ to, activity, shared }) => {
        const recipient = await found(to)
        if (!isActor(recipient)) throw new Error(`${to} is nobody`)
        await context.sendActivity({ identifier: user }, recipient, await Activity.fromJsonLd(activity), {
            preferSharedInbox: shared === true,
        })
        return null
    },
    // Serves an object from now on.
    put: ({ path, object }) => void objects.set(path, object),
}
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    try {
        const command = JSON.parse(line)
        say({ answer: (await commands[command.do](command)) ?? null })
    } catch (error) {
        say({ error: String(error?.stack ?? error) })
    }
}).on('close', () => process.exit(0))
const tls = values.cert && { cert: fs.readFileSync(values.cert), key: fs.readFileSync(values.key) }
const server = tls ? https.createServer(tls, serve) : http.createServer(serve)
server.listen(tls ? 443 : 80, values.listen, () => say({ ready: context.getActorUri(user).href }))
