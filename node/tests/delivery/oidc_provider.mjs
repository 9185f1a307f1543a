// A certified OpenID provider with people of these tests, in a directory of npm packages: its own login and consent
// pages, PKCE required. The one client is registered by `PUT /` with its redirect URI, once the node listens.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(`${process.cwd()}/node_modules/oidc-provider/lib/index.js`));
const groups = { ada: ["staff", "members"], bob: ["members"], eve: ["guests"] };
let handle;
// Standard output is for the test; the library has remarks about itself.
console.log = console.info = console.warn = console.error;

const server = createServer(async (request, response) => {
  if (handle) return handle(request, response);
  let redirect = "";
  for await (const part of request) redirect += part;
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients: [{ client_id: "rookery", client_secret: "a secret of both", redirect_uris: [redirect] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    cookies: { keys: ["tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, groups: groups[id] }),
    }),
  });
  handle = provider.callback();
  response.writeHead(204).end();
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
