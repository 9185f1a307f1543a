"""A mail server that keeps everything: smtp_sink.py [CERTIFICATE KEY USER PASSWORD].

With a certificate it takes mail only after STARTTLS and a login. Prints a line of JSON for each mail.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

CERTIFICATE, KEY, USER, PASSWORD = (sys.argv[1:] + [None] * 4)[:4]


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["Subject"],
            "header_from": mail["From"],
            "automatic": mail["Auto-Submitted"],
            "message_id": mail["Message-ID"],
            "text": mail.get_content(),
            "tls": session.ssl is not None,
        }), flush=True)
        return "250 kept"


def login(server, session, envelope, mechanism, data):
    right = data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=right)


def connection():
    if not CERTIFICATE:
        return SMTP(Keeper(), hostname="sink")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE, KEY)
    return SMTP(
        Keeper(), hostname="sink", require_starttls=True, tls_context=tls, auth_required=True, authenticator=login)


async def main():
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main())
