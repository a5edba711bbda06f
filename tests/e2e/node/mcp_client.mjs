// The published MCP client, unmodified, against `tenon mcp serve`, over standard input and output and over HTTP.
// Environment: TENON, TENON_FOLDER (files to offer), TENON_URL (a server over HTTP that asks for the token "sesame").
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

async function check(name, work) {
  try {
    await work();
    console.log(`ok      ${name}`);
  } catch (error) {
    console.log(`FAILED  ${name}\n${String(error?.stack ?? error).split('\n').slice(0, 12).map((l) => `        ${l}`).join('\n')}`);
  }
}
const texts = (result) => result.content.map((part) => part.text).join('\n');

const stdio = () =>
  new StdioClientTransport({
    command: process.env.TENON,
    args: ['mcp', 'serve', '--tool', 'calculator', '--tool', `files=${process.env.TENON_FOLDER}`, '--from', 'notes'],
    env: process.env,
  });
const http = (token = 'sesame') =>
  new StreamableHTTPClientTransport(new URL(process.env.TENON_URL), { requestInit: { headers: { Authorization: `Bearer ${token}` } } });

for (const [way, transport] of [['stdio', stdio], ['http', http]]) {
  const client = new Client({ name: 'e2e', version: '1' });
  await check(`${way}: shakes hands`, async () => {
    await client.connect(transport());
    assert.equal(client.getServerVersion().name, 'tenon');
    assert.ok(client.getServerCapabilities().tools);
    assert.match(client.getInstructions(), /search_/);
  });
  await check(`${way}: lists tools with their schemas`, async () => {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    for (const name of ['calculator', 'read_file', 'search_notes']) assert.ok(names.includes(name), name);
    assert.deepEqual(tools.find((tool) => tool.name === 'calculator').inputSchema.required, ['expression']);
  });
  await check(`${way}: calls tools, several at once`, async () => {
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => client.callTool({ name: 'calculator', arguments: { expression: `${n}*${n}` } })));
    assert.deepEqual(all.map(texts), ['1', '4', '9', '16', '25', '36']);
    assert.match(texts(await client.callTool({ name: 'read_file', arguments: { path: 'tea.txt' } })), /green tea/);
  });
  await check(`${way}: tells the model what was wrong`, async () => {
    assert.equal((await client.callTool({ name: 'calculator', arguments: {} })).isError, true);
    assert.equal((await client.callTool({ name: 'read_file', arguments: { path: '../../etc/passwd' } })).isError, true);
    await assert.rejects(client.callTool({ name: 'nothing', arguments: {} }), /-32602/);
  });
  await check(`${way}: searches a knowledge base and reads its documents`, async () => {
    assert.match(texts(await client.callTool({ name: 'search_notes', arguments: { query: 'green tea' } })), /seventy degrees/);
    const { resources } = await client.listResources();
    const tea = resources.find((resource) => resource.name.endsWith('tea.txt'));
    const { contents } = await client.readResource({ uri: tea.uri });
    assert.match(contents[0].text, /green tea/);
    assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
    await assert.rejects(client.readResource({ uri: 'kb://notes/none.txt' }), /-32002/);
  });
  await check(`${way}: sets the log level, pings and ends`, async () => {
    await client.setLoggingLevel('warning');
    await client.ping();
    if (way === 'http') await client.transport.terminateSession();
    await client.close();
  });
}
await check('http: is shut without the token', async () => {
  await assert.rejects(new Client({ name: 'e2e', version: '1' }).connect(http('wrong')), /the token is not known/);
});
