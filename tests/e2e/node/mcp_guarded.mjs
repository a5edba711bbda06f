// The published MCP server behind the published authorization server, for `tenon mcp … --auth`: on a free port, which it
// prints. Whoever comes to its login page is let in. POST /expire makes every access token bad, POST /forget the refresh
// tokens too; GET /seen tells how often each endpoint was asked.
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import express from 'express';

const clients = new Map(), codes = new Map(), access = new Map(), refresh = new Map();
const seen = { register: 0, authorize: 0, token: 0 };

function grant(client, scopes, resource) {
  const token = `tok-${randomUUID()}`, again = `ref-${randomUUID()}`;
  access.set(token, { token, clientId: client.client_id, scopes, resource, expiresAt: Math.floor(Date.now() / 1000) + 3600 });
  refresh.set(again, { client: client.client_id, scopes });
  return { access_token: token, token_type: 'bearer', expires_in: 3600, refresh_token: again, scope: scopes.join(' ') };
}
const provider = {
  clientsStore: {
    getClient: async (id) => clients.get(id),
    registerClient: async (client) => { seen.register++; clients.set(client.client_id, client); return client; },
  },
  async authorize(client, params, response) {
    seen.authorize++;
    const code = randomUUID();
    codes.set(code, { client, params });
    const to = new URL(params.redirectUri);
    to.searchParams.set('code', code);
    to.searchParams.set('state', params.state);
    response.redirect(to.href);
  },
  challengeForAuthorizationCode: async (_, code) => codes.get(code).params.codeChallenge,
  async exchangeAuthorizationCode(client, code) {
    seen.token++;
    const { client: asked, params } = codes.get(code);
    codes.delete(code);
    if (asked.client_id !== client.client_id) throw new InvalidGrantError('not your code');
    return grant(client, params.scopes ?? [], params.resource);
  },
  async exchangeRefreshToken(client, token, _, resource) {
    seen.token++;
    const known = refresh.get(token);
    refresh.delete(token);
    if (known?.client !== client.client_id) throw new InvalidGrantError('unknown');
    return grant(client, known.scopes, resource);
  },
  async verifyAccessToken(token) {
    const known = access.get(token);
    if (!known) throw new InvalidTokenError('unknown');
    return known;
  },
};

const app = express();
const web = app.listen(0, '127.0.0.1', () => {
  const root = `http://127.0.0.1:${web.address().port}`;
  app.use(mcpAuthRouter({ provider, issuerUrl: new URL(root), resourceServerUrl: new URL(`${root}/mcp`), scopesSupported: ['tools'] }));
  app.post('/expire', (_, response) => { access.clear(); response.end(); });
  app.post('/forget', (_, response) => { access.clear(); refresh.clear(); response.end(); });
  app.get('/seen', (_, response) => response.json(seen));
  const guard = requireBearerAuth({ verifier: provider, requiredScopes: ['tools'], resourceMetadataUrl: `${root}/.well-known/oauth-protected-resource/mcp`, expectedResource: new URL(`${root}/mcp`) });
  const sessions = new Map();
  app.all('/mcp', guard, async (request, response) => {
    let transport = sessions.get(request.headers['mcp-session-id']);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => sessions.set(id, transport) });
      const server = new McpServer({ name: 'guarded', version: '1.0' });
      server.registerTool('whoami', { description: 'Names the client' }, async (extra) => ({ content: [{ type: 'text', text: clients.get(extra.authInfo.clientId).client_name }] }));
      await server.connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  console.log(`${root}/mcp`);
});
