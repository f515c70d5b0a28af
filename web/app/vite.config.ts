/*
 * Builds the pages into dist/, which the binary embeds. Invariant: nothing inline and nothing from elsewhere, so that the server's
 * content security policy needs no exception. STACGATE_URL names the server that `npm run dev` passes requests on to.
 */
import { defineConfig } from "vite";

const server = process.env.STACGATE_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  base: "/",
  build: {
    target: "es2020",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      "/api": { target: server },
      "/socket": { target: server, ws: true },
    },
  },
});
