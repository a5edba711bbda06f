// The published MCP server, unmodified, for `tenon mcp list` and `tenon mcp call`: on standard input and output, or with
// "http" as its argument on a free port, which it prints.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

function make() {
  const server = new McpServer({ name: 'published', version: '3.1' }, { instructions: 'Add things.' });
  server.registerTool('add', { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() }, outputSchema: { sum: z.number() } },
    async ({ a, b }, extra) => {
      const token = extra._meta?.progressToken;
      if (token !== undefined) await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress: 1, total: 2, message: 'adding' } });
      return { content: [{ type: 'text', text: `${a + b}` }], structuredContent: { sum: a + b } };
    });
  server.registerTool('fail', { description: 'Fails' }, async () => ({ isError: true, content: [{ type: 'text', text: 'as told' }] }));
  server.registerTool('picture', { description: 'Draws' }, async () => ({ content: [{ type: 'image', data: 'AQID', mimeType: 'image/png' }] }));
  server.registerResource('motto', 'memo://motto', { description: 'A motto' }, async (uri) => ({ contents: [{ uri: uri.href, text: 'slowly' }] }));
  server.registerPrompt('greet', { description: 'Greets', argsSchema: { name: z.string() } }, ({ name }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }] }));
  return server;
}

if (process.argv[2] !== 'http') {
  console.error('the published server is here');
  await make().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const web = createServer(async (request, response) => {
    let transport = sessions.get(request.headers['mcp-session-id']);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => sessions.set(id, transport) });
      await make().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  web.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${web.address().port}/mcp`));
}
