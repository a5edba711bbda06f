import { defineConfig } from "vite";

// `npm run dev` proxies the API to a running `tenon serve`.
const api = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: { target: "es2020", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/v1": api, "/health": api, "/metrics": api } },
});
