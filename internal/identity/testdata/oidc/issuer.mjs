// An OpenID Connect issuer for tests: oidc-provider with its own defaults, where people
// sign in by the login_hint of the request instead of a form. It gets its clients and
// accounts as JSON in its first argument, prints its URL when it listens, and ends when its
// standard input does. The accounts are others after a PUT of them to /accounts.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { clients, accounts: first } = JSON.parse(process.argv[2]);
let accounts = first;
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (type, options, use) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...use,
});

const provider = new Provider(issuer, {
  clients,
  jwks: { keys: [
    key('rsa', { modulusLength: 2048 }, { kid: 'rsa', alg: 'RS256' }),
    key('ec', { namedCurve: 'P-256' }, { kid: 'ec', alg: 'ES256' }),
  ] },
  cookies: { keys: ['only-for-tests'] },
  pkce: { required: () => true },
  conformIdTokenClaims: false, // claims in the ID token, as Entra ID and Google have them
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups', 'hasgroups'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});

const callback = provider.callback();

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(req, res, { login: { accountId: params.login_hint } });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

async function replace(req, res) {
  accounts = JSON.parse((await req.toArray()).join(''));
  res.end();
}

server.on('request', (req, res) => {
  if (req.method === 'PUT' && req.url === '/accounts') return replace(req, res);
  if (!req.url.startsWith('/interaction/')) return callback(req, res);
  interact(req, res).catch((err) => { res.statusCode = 500; res.end(String(err)); });
});

process.stdin.resume().on('end', () => process.exit(0));
console.log(issuer);
