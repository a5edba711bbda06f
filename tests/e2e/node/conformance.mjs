// @modelcontextprotocol/conformance as published, on Node.js 20 too: it imports fs.globSync, which came with 22 and which
// the commands used here never call.
import fs from 'node:fs';
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';

const entry = new URL('./node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url);
if (!fs.globSync) {
  const hook = `export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith('/conformance/dist/index.js')) return loaded;
    const text = loaded.source.toString().replace(/globSync as (\\w+),/, (_, name) => (globalThis.name = name, ''));
    return { ...loaded, source: text.replace(/^(#!.*\\n)?/, (start) => start + 'const ' + globalThis.name + ' = () => [];') };
  }`;
  register('data:text/javascript,' + encodeURIComponent(hook));
}
process.argv[1] = pathToFileURL(entry.pathname).pathname;
await import(entry);
