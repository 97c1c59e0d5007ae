import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where the gateway listens while the page is developed with `npm run dev`. */
const gateway = `http://127.0.0.1:${process.env.AVATAR_PORT ?? 8000}`;

/** The font's licence (OFL 1.1) asks to travel with it. */
function fontLicence(): Plugin {
  const source = "node_modules/@fontsource-variable/atkinson-hyperlegible-next/LICENSE";
  return {
    name: "font-licence",
    apply: "build",
    generateBundle() {
      this.emitFile({
        type: "asset",
        fileName: "licences/atkinson-hyperlegible-next.txt",
        source: readFileSync(source),
      });
    },
  };
}

/** Text only: fonts are compressed as they are. */
const COMPRESSED = /\.(css|html|js|svg|txt)$/;

/** Puts a brotli and a gzip copy beside each text of the build, for the gateway to send. */
function compressedCopies(): Plugin {
  return {
    name: "compressed-copies",
    apply: "build",
    writeBundle({ dir = "dist" }, bundle) {
      for (const name of Object.keys(bundle).filter((name) => COMPRESSED.test(name))) {
        const path = join(dir, name);
        const text = readFileSync(path);
        // Brotli takes its highest quality by itself.
        writeFileSync(`${path}.br`, brotliCompressSync(text));
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), fontLicence(), compressedCopies()],
  build: {
    target: "es2022",
    // The gateway's policy is default-src 'self': a data: address would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api": gateway,
      "/health": gateway,
      "/ws": { target: gateway, ws: true },
    },
  },
  test: {
    // Pure modules need no page; a test that does says so in its first line.
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // A page's first drawing takes seconds on a machine that others share.
    testTimeout: 20_000,
  },
});
