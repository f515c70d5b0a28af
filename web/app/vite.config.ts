/*
 * Builds the pages into dist/, which the binary embeds. Invariant: nothing inline and nothing from elsewhere, so that the server's
 * content security policy needs no exception. The client library is taken from its sources beside us, with our own phoenix.
 * STACGATE_URL names the server that `npm run dev` passes requests on to.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { docs } from "./docs/build";

const server = process.env.STACGATE_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  base: "/",
  plugins: [docs()],
  resolve: {
    alias: { "@stacgate/client": fileURLToPath(new URL("../client/src/index.ts", import.meta.url)) },
    dedupe: ["phoenix"],
  },
  build: {
    target: "es2020",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    fs: { allow: [".", "../client"] },
    proxy: {
      "/api": { target: server },
      "/socket": { target: server, ws: true },
    },
  },
});
