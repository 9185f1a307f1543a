"""Reads the vectors of docs/FEDERATION.md with nothing of Rookery: the standard library for CBOR and
BLAKE3, `cryptography` for Ed25519, X25519, HKDF and AES-GCM. Fails at the first difference.

    verify.py docs/FEDERATION.md
"""

import sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

# --- BLAKE3, from its specification (github.com/BLAKE3-team/BLAKE3-specs), hash mode only.

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS_AND_DIAGONALS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF


def rotate(n, by):
    return (n >> by | n << (32 - by)) & MASK


def mix(v, a, b, c, d, x, y):
    for word, first, second in ((x, 16, 12), (y, 8, 7)):
        v[a] = (v[a] + v[b] + word) & MASK
        v[d] = rotate(v[d] ^ v[a], first)
        v[c] = (v[c] + v[d]) & MASK
        v[b] = rotate(v[b] ^ v[c], second)


def compress(chaining, block, counter, length, flags):
    m = [int.from_bytes(block[i : i + 4], "little") for i in range(0, 64, 4)]
    v = chaining + IV[:4] + [counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        for i, places in enumerate(COLUMNS_AND_DIAGONALS):
            mix(v, *places, m[2 * i], m[2 * i + 1])
        m = [m[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def chunk(data, counter, root):
    chaining = IV
    blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
    for i, block in enumerate(blocks):
        end = (CHUNK_END | root) if i == len(blocks) - 1 else 0
        flags = (CHUNK_START if i == 0 else 0) | end
        chaining = compress(chaining, block.ljust(64, b"\0"), counter, len(block), flags)
    return chaining


def little(words):
    return b"".join(word.to_bytes(4, "little") for word in words)


def tree(chunks, first, root):
    if len(chunks) == 1:
        return chunk(chunks[0], first, root)
    left = 1 << ((len(chunks) - 1).bit_length() - 1)
    words = tree(chunks[:left], first, 0) + tree(chunks[left:], first + left, 0)
    return compress(IV, little(words), 0, 64, PARENT | root)


def blake3(data):
    return little(tree([data[i : i + 1024] for i in range(0, len(data), 1024)] or [b""], 0, ROOT))


# --- CBOR, deterministic (RFC 8949 section 4.2): what the log uses of it.


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError("too large")


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(4, len(value)) + b"".join(encode(item) for item in value)


def read(data, at):
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True, 22: None}[info], at
    assert info < 28
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    n = int.from_bytes(data[at : at + size], "big") if size else info
    at += size
    if major == 0:
        return n, at
    if major in (2, 3):
        raw = data[at : at + n]
        assert len(raw) == n
        return (raw if major == 2 else raw.decode()), at + n
    assert major == 4
    items = []
    for _ in range(n):
        item, at = read(data, at)
        items.append(item)
    return items, at


def decode_prefix(data):
    value, at = read(data, 0)
    assert encode(value) == data[:at], "not the only encoding"
    return value, at


def decode(data):
    value, at = decode_prefix(data)
    assert at == len(data), "something behind the end"
    return value


# --- Entries.


def verify(public, signature, message):
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


class Entry:
    def __init__(self, data):
        self.header, at = decode_prefix(data)
        assert len(self.header) == 17 and self.header[0] == 1
        self.id = blake3(data[:at])
        self.signature, self.body = data[at : at + 64], data[at + 64 :]
        (_, self.group, self.node, self.lane, self.gen, self.seq, self.serial, self.prev, _, self.kind,
         self.user, self.ctl, self.deps, self.epoch, body_hash, body_len, self.flags) = self.header
        assert len(self.body) == body_len and blake3(self.body) == body_hash

    def signed_by(self, public, domain=b"glog1"):
        verify(public, self.signature, domain + self.id)
        try:
            verify(public, bytes([self.signature[0] ^ 1]) + self.signature[1:], domain + self.id)
        except InvalidSignature:
            return
        raise AssertionError("anything is a signature")

    def content(self, clear=None):
        return decode((self.body if clear is None else clear)[16:])


def check_cert(cert):
    body, signature = cert
    root, op, x25519 = body[:3]
    verify(root, signature, b"glog1-cert" + blake3(encode(body)))
    return blake3(b"node" + root), op, x25519


def open_box(entry, epoch, node, secret_key):
    ephemeral, commitment, boxes = epoch
    assert [box[0] for box in boxes] == sorted(box[0] for box in boxes)
    sealed = dict(boxes)[node[:16]]
    key = X25519PrivateKey.from_private_bytes(secret_key)
    shared = key.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    _, act, term = entry.gen
    context = entry.group + entry.node + act + term.to_bytes(4, "big") + entry.seq.to_bytes(8, "big")
    info = b"glog1-box" + context + node[:16] + ephemeral + key.public_key().public_bytes_raw()
    aes = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)
    secret = AESGCM(aes).decrypt(bytes(12), sealed, None)
    assert blake3(b"glog1-epoch" + secret) == commitment
    return secret


def open_body(entry, secret):
    assert len(entry.body) % 64 == 0
    nonce, sealed = entry.body[:24], entry.body[24:]
    info = b"body" + entry.node + nonce[:12]
    aes = HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(secret)
    padded = AESGCM(aes).decrypt(nonce[12:], sealed, encode(entry.header[:14]))
    clear = padded.rstrip(b"\0")
    assert clear[-1] == 0x80
    return clear[:-1]


def main(path):
    assert blake3(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949")
    with open(path, encoding="utf-8") as document:
        text = document.read().split("```vectors\n")[1].split("```")[0]
    vectors = {name: bytes.fromhex(value) for name, value in map(str.split, text.splitlines())}

    home, home_op, home_x = check_cert(decode(vectors["home.cert"]))
    other, other_op, _ = check_cert(decode(vectors["other.cert"]))
    assert home == vectors["home.node_id"]
    secret_key = X25519PrivateKey.from_private_bytes(vectors["home.x25519_secret"])
    assert secret_key.public_key().public_bytes_raw() == home_x

    genesis = Entry(vectors["genesis.entry"])
    genesis.signed_by(home_op)
    assert (genesis.group, genesis.lane, genesis.seq, genesis.kind) == (bytes(32), 0, 0, 0)
    content, evidence = genesis.content()
    kind, public, _, owner, recovery, _, _, cert, epoch = content
    assert (kind, public, evidence) == (0, False, None)
    assert owner == [home[:16], 1] == genesis.user and recovery == vectors["recovery.public"]
    assert check_cert(cert)[0] == home
    assert open_box(genesis, epoch, home, vectors["home.x25519_secret"]) == vectors["genesis.secret"]

    added = Entry(vectors["add_node.entry"])
    added.signed_by(home_op)
    assert (added.group, added.seq, added.prev, added.kind) == (genesis.id, 1, genesis.id, 1)
    (cert, first_inc, epoch), _ = added.content()
    assert (check_cert(cert)[0], first_inc) == (other, 0)
    for node, key in ((home, "home.x25519_secret"), (other, "other.x25519_secret")):
        assert open_box(added, epoch, node, vectors[key]) == vectors["add_node.secret"]

    post = Entry(vectors["post.entry"])
    post.signed_by(home_op)
    assert (post.lane, post.gen, post.seq, post.user, post.kind, post.flags) == (1, [0], 0, 1, 64, 1)
    assert post.ctl == [0, bytes(16), 1, added.id[:16]] and post.epoch == added.id[:16]
    words = post.content(open_body(post, vectors["add_node.secret"]))
    assert words == ["hello, rooks", False, [], None, b""]

    cut = decode(vectors["cut"])
    assert cut == [[home[:16], 0, 0, post.id[:16]]]
    ban = Entry(vectors["ban.entry"])
    ban.signed_by(home_op)
    assert ban.user == [other[:16], 2] and ban.kind == 6
    (banned, kept), (ask, signature, cert) = ban.content()
    assert banned == [home[:16], 3] and kept == cut and cert is None
    assert [ask, signature, cert] == decode(vectors["ask"])
    group, node, _, user, _, _, kind, wanted = ask
    assert (group, node, user, kind) == (genesis.id, other, 2, 6)
    assert decode(wanted) == [banned, kept]
    verify(other_op, signature, b"glog1-ask" + blake3(encode(ask)))

    opened = Entry(vectors["open.entry"])
    opened.signed_by(home_op)
    assert (opened.gen, opened.seq, opened.prev, opened.kind) == ([1], 0, bytes(32), 75)
    assert opened.epoch is None
    cert, previous, (root, signature) = opened.content()
    assert check_cert(cert)[0] == home == blake3(b"node" + root) and previous == cut[0]
    verify(root, signature, b"glog1-open" + blake3(encode([genesis.id, home, 1, previous])))

    recover = Entry(vectors["recover.entry"])
    recover.signed_by(vectors["recovery.public"], b"glog1-recover")
    assert (recover.node, recover.gen, recover.seq, recover.kind) == (other, [1, bytes(16), 0], 2, 17)
    (keep, cert, drop, _, epoch, undo, owner, key), _ = recover.content()
    assert keep == recover.prev == added.id and check_cert(cert)[0] == other
    assert drop == [[home[:16], []]] and undo and owner == [other[:16], 1] and key is None
    assert [box[0] for box in epoch[2]] == [other[:16]]
    open_box(recover, epoch, other, vectors["other.x25519_secret"])

    people = sorted([home + (1).to_bytes(8, "big"), other + (2).to_bytes(8, "big")])
    pair = blake3(b"dm" + b"".join(people))
    assert pair == vectors["pair.group"]
    post = Entry(vectors["pair.post.entry"])
    post.signed_by(home_op)
    assert (post.group, post.lane, post.seq, post.user, post.kind) == (pair, 1, 0, 1, 64)
    assert (post.ctl, post.deps, post.epoch) == (None, [], None)
    assert post.content() == ["hello, rook", False, [], None, b""]
    gone = Entry(vectors["pair.delete.entry"])
    gone.signed_by(other_op)
    at = [home[:16], 0, 0, post.id[:16]]
    assert (gone.group, gone.node, gone.seq, gone.user, gone.kind) == (pair, other, 0, 2, 66)
    assert (gone.ctl, gone.deps, gone.epoch, gone.content()) == (None, [at], None, [at])
    print(f"{len(vectors)} vectors hold")


main(sys.argv[1])
