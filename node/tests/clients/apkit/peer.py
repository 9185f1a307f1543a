"""A server of the fediverse with one person on it, made of apkit: what it takes from its inbox, apkit has
verified; what it sends, apkit signs as draft-cavage.

Commands come as JSON lines on standard input, each answered by one line {"answer": ..} or {"error": ..}; what
comes into the inbox is a line {"came": ..}.
"""

import argparse
import asyncio
import json
import sys
import traceback

# apkit logs to standard output, which is for answers here.
out, sys.stdout = sys.stdout, sys.stderr

import apmodel
import uvicorn
from apkit.client.asyncio.client import ActivityPubClient
from apkit.models import Accept, Announce, Create, Delete, Person, Update
from apkit.server.app import ActivityPubServer
from apkit.server.responses import ActivityResponse
from apkit.types import ActorKey
from apmodel.extra.security import CryptographicKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.responses import Response

parser = argparse.ArgumentParser()
parser.add_argument("--origin", required=True)  # https://NAME.test
parser.add_argument("--listen", required=True)  # its address
parser.add_argument("--user", required=True)
parser.add_argument("--cert", required=True)
parser.add_argument("--key", required=True)
arguments = parser.parse_args()

origin = arguments.origin
actor_id = f"{origin}/users/{arguments.user}"
secret = rsa.generate_private_key(public_exponent=65537, key_size=2048)
keys = [ActorKey(key_id=f"{actor_id}#main-key", private_key=secret)]
objects = {}  # path -> what is there


def say(line):
    out.write(json.dumps(line) + "\n")
    out.flush()


person = Person(
    id=actor_id,
    name="Pia",
    preferred_username=arguments.user,
    inbox=f"{actor_id}/inbox",
    outbox=f"{actor_id}/outbox",
    public_key=CryptographicKey(
        id=keys[0].key_id,
        owner=actor_id,
        public_key_pem=secret.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ),
)

app = ActivityPubServer()
app.inbox(f"/users/{arguments.user}/inbox")


@app.get(f"/users/{arguments.user}")
async def actor():
    return ActivityResponse(person)


@app.get("/notes/{number}")
async def note(number: str):
    found = objects.get(f"/notes/{number}")
    return Response(json.dumps(found), 200 if found else 404, media_type="application/activity+json")


# Called when apkit has verified the signature.
async def came(ctx):
    say({"came": await ctx.request.json()})
    return Response(status_code=202)


for kind in (Accept, Announce, Create, Delete, Update):
    app.on(kind, came)


async def lookup(client, uri):
    user, host = uri.lstrip("@").split("@")
    found = await client.actor.resolve(user, host)
    link = found.get("application/activity+json")
    return apmodel.to_dict(await client.actor.fetch(link.href))


async def fetch(client, uri):
    headers = {"Accept": "application/activity+json"}
    async with client.get(uri, headers=headers, signatures=keys) as answer:
        if not answer.ok:
            raise ValueError(f"{uri}: {answer.status}")
        return await answer.json()


async def send(client, to, activity):
    there = await client.actor.fetch(to)
    signed = {"signatures": keys, "sign_with": ["draft-cavage"]}
    async with client.post(there.inbox, json=apmodel.load(activity), **signed) as answer:
        if not answer.ok:
            raise ValueError(f"{there.inbox}: {answer.status} {await answer.text()}")


async def put(_, path, object):
    objects[path] = object


commands = {"lookup": lookup, "fetch": fetch, "send": send, "put": put}


async def main():
    config = uvicorn.Config(
        app,
        host=arguments.listen,
        port=443,
        ssl_certfile=arguments.cert,
        ssl_keyfile=arguments.key,
        log_config=None,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), "it does not listen"
    say({"ready": actor_id})
    async with ActivityPubClient() as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            try:
                say({"answer": await commands[command.pop("do")](client, **command)})
            except Exception:
                say({"error": traceback.format_exc()})
    server.should_exit = True
    await serving


asyncio.run(main())
