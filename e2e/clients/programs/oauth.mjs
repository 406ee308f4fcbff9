// An OAuth authorization server for tests: oidc-provider, which registers whoever comes and gives
// tokens for the resource of its first argument alone, where people agree to whatever is asked of
// them. It prints its URL when it listens, and ends when its standard input does.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { errors, Provider } from 'oidc-provider';

const [resource, scope, lifetime] = process.argv.slice(2);
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (type, options, use) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...use,
});

const provider = new Provider(issuer, {
  jwks: { keys: [
    key('rsa', { modulusLength: 2048 }, { kid: 'rsa', alg: 'RS256' }), // of ID tokens, which clients that don't say take
    key('ec', { namedCurve: 'P-256' }, { kid: 'ec', alg: 'ES256' }),
  ] },
  cookies: { keys: ['only-for-tests'] },
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', ...scope.split(' ')],
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => false, // each request has to name it
      getResourceServerInfo: async (_, indicator) => {
        if (indicator !== resource) throw new errors.InvalidTarget();
        return { scope, audience: resource, accessTokenTTL: Number(lifetime), accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
      },
    },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

const callback = provider.callback();

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(req, res, { login: { accountId: 'ann' } });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? '');
  grant.addResourceScope(params.resource, params.scope ?? '');
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

server.on('request', (req, res) => {
  if (!req.url.startsWith('/interaction/')) return callback(req, res);
  interact(req, res).catch((err) => { res.statusCode = 500; res.end(String(err)); });
});

process.stdin.resume().on('end', () => process.exit(0));
console.log(issuer);
