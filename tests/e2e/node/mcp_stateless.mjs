// The published MCP SDK of the stateless revision (2026-07-28), unmodified. "serve": a server on standard input and output
// for `tenon mcp list` and `call`; else a client against `tenon mcp serve` (environment as for mcp_client.mjs).
import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod/v4';

function make() {
  const server = new McpServer({ name: 'stateless', version: '4' });
  server.registerTool('add', { description: 'Adds', inputSchema: z.object({ a: z.number(), b: z.number() }) }, async ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }));
  return server;
}

async function use(way, transport) {
  try {
    const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(transport);
    assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
    const { tools } = await client.listTools();
    assert.ok(tools.some((tool) => tool.name === 'search_notes'));
    const all = await Promise.all([1, 2, 3].map((n) => client.callTool({ name: 'calculator', arguments: { expression: `${n}*${n}` } })));
    assert.deepEqual(all.map((result) => result.content[0].text), ['1', '4', '9']);
    assert.equal((await client.callTool({ name: 'calculator', arguments: { expression: '*' } })).isError, true);
    const { resources } = await client.listResources();
    assert.match((await client.readResource({ uri: resources[0].uri })).contents[0].text, /brew/i);
    await client.close();
    console.log(`ok      ${way}: the published client without handshake or session`);
  } catch (error) {
    console.log(`FAILED  ${way}: the published client without handshake or session\n${String(error?.stack ?? error).split('\n').slice(0, 12).map((l) => `        ${l}`).join('\n')}`);
  }
}

if (process.argv[2] === 'serve') {
  serveStdio(make);
} else {
  await use('stdio', new StdioClientTransport({ command: process.env.TENON, args: ['mcp', 'serve', '--from', 'notes'], env: process.env }));
  await use('http', new StreamableHTTPClientTransport(new URL(process.env.TENON_URL), { requestInit: { headers: { Authorization: 'Bearer sesame' } } }));
}
