// Records what mtcute and gramjs put on the wire, for transport_recorded.rs; the same lines and
// packets as record.py, with their codecs alone and no socket.
//
// Run with `npm i @mtcute/core@0.30.3 telegram@2.26.22`:
//     node record.js > node.txt
"use strict";
const crypto = require("crypto");
const path = require("path");
const modules = path.join(process.cwd(), "node_modules");
const SECRET = "00112233445566778899aabbccddeeff";
const range = (from, to) => Buffer.from(Array.from({ length: to - from }, (_, i) => from + i));
const length = Buffer.alloc(4);
length.writeInt32LE(20);
const PACKETS = [
  range(1, 41),
  Buffer.concat([Buffer.alloc(8), range(0, 8), length, range(100, 120)]),
  Buffer.from(Array.from({ length: 24 + 512 }, (_, i) => (i * 7 + 3) % 256)),
];

function frame(protocol, packet) {
  if (protocol === "abridged") return Buffer.concat([Buffer.from([packet.length / 4]), packet]);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(packet.length);
  return Buffer.concat([head, packet]);
}

function encryptAnswer(sent, secret, answer) {
  const backwards = Buffer.from(sent.subarray(8, 56)).reverse();
  let key = backwards.subarray(0, 32);
  if (secret) {
    const bytes = Buffer.from(secret, "hex").subarray(-16);
    key = crypto.createHash("sha256").update(key).update(bytes).digest();
  }
  const ctr = crypto.createCipheriv("aes-256-ctr", key, backwards.subarray(32, 48));
  return ctr.update(answer);
}

function line(name, protocol, secret, dc, sent, answered) {
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  console.log(name, protocol, secret || "-", dc || "-", hex(sent), hex(answered));
}

async function mtcute() {
  const core = require(path.join(modules, "@mtcute/core"));
  const { Bytes } = require(path.join(modules, "@fuman/io"));
  const provider = {
    randomBytes: (n) => new Uint8Array(crypto.randomBytes(n)),
    randomFill: (into) => crypto.randomFillSync(into),
    sha256: (data) => new Uint8Array(crypto.createHash("sha256").update(data).digest()),
    createAesCtr(key, iv) {
      const ctr = crypto.createCipheriv("aes-256-ctr", key, iv);
      return { process: (data) => new Uint8Array(ctr.update(data)) };
    },
  };
  const bytes = new Uint8Array(Buffer.from(SECRET, "hex"));
  const Plain = core.IntermediatePacketCodec;
  const Padded = core.PaddedIntermediatePacketCodec;
  const Obfuscated = core.ObfuscatedPacketCodec;
  const proxy = (more) => ({ dcId: 2, test: false, media: false, secret: bytes, ...more });
  const cases = [
    ["mtcute-intermediate", "intermediate", null, null, () => new Plain()],
    ["mtcute-padded", "padded", null, null, () => new Padded()],
    ["mtcute-obfuscated", "intermediate", null, null, () => new Obfuscated(new Plain())],
    ["mtcute-mtproxy", "intermediate", SECRET, 2, () => new Obfuscated(new Plain(), proxy({}))],
    ["mtcute-mtproxy", "padded", "dd" + SECRET, -10002,
      () => new Obfuscated(new Padded(), proxy({ test: true, media: true }))],
  ];
  for (const [name, protocol, secret, dc, make] of cases) {
    const codec = make();
    codec.setup?.(provider, {});
    const into = Bytes.alloc();
    const tag = await codec.tag();
    for (const packet of PACKETS) await codec.encode(new Uint8Array(packet), into);
    const sent = Buffer.concat([tag, into.result()]);
    let answered = frame(protocol, PACKETS[0]);
    if (tag.length === 64) answered = encryptAnswer(sent, secret, answered);
    const read = await codec.decode(Bytes.from(new Uint8Array(answered)), false);
    if (!PACKETS[0].equals(Buffer.from(read))) throw new Error(`${name} does not read its answer`);
    line(name, protocol, secret, dc, sent, answered);
  }
}

async function gramjs() {
  require(path.join(modules, "telegram")); // its modules load in this order only
  const dir = path.join(modules, "telegram/network/connection");
  const { ConnectionTCPFull, ConnectionTCPObfuscated } = require(dir);
  const { ConnectionTCPMTProxyAbridged } = require(path.join(dir, "TCPMTProxy.js"));
  const cases = [
    ["gramjs-full", "full", null, null, ConnectionTCPFull],
    ["gramjs-obfuscated", "abridged", null, null, ConnectionTCPObfuscated],
    ["gramjs-mtproxy", "abridged", SECRET, 4, ConnectionTCPMTProxyAbridged],
  ];
  for (const [name, protocol, secret, dc, Kind] of cases) {
    const parts = [];
    let answer = Buffer.alloc(0);
    class Socket {
      async connect() {}
      write(data) { parts.push(Buffer.from(data)); }
      async readExactly(n) {
        const part = answer.subarray(0, n);
        answer = answer.subarray(n);
        return part;
      }
      async read(n) { return this.readExactly(n); }
    }
    const proxy = secret ? { ip: "127.0.0.1", port: 1, secret, MTProxy: true } : undefined;
    const loggers = { debug() {}, info() {}, warn() {}, error() {} };
    const conn = new Kind({ ip: "127.0.0.1", port: 1, dcId: dc, loggers, proxy, socket: Socket });
    await conn._connect();
    for (const packet of PACKETS) await conn._send(packet);
    const sent = Buffer.concat(parts);
    if (protocol === "full") {
      answer = sent.subarray(0, 52); // the first packet of either end looks the same
    } else {
      answer = encryptAnswer(sent, secret, frame(protocol, PACKETS[0]));
    }
    const answered = answer;
    const read = await conn._recv();
    if (!PACKETS[0].equals(Buffer.from(read))) throw new Error(`${name} does not read its answer`);
    line(name, protocol, secret, dc, sent, answered);
  }
}

mtcute().then(gramjs);
