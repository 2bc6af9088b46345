import { readdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";

import { defineConfig, type Plugin } from "vite";

const OUT = resolve("..", "src", "sluice", "page", "static");
/** What Airflow's UI shares with plugins, as properties of `globalThis`. None of it is in the bundle. */
const HOST: Record<string, string> = {
  "@chakra-ui/react": "ChakraUI",
  "@emotion/react": "EmotionReact",
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
};

/** Replaces each package that the host shares by a module with the same exports, which reads them from the host. */
const fromHost = (): Plugin => ({
  name: "from-host",
  enforce: "pre",
  resolveId: (id) => (id in HOST ? `\0host:${id}` : undefined),
  load: async (id) => {
    if (!id.startsWith("\0host:")) return undefined;
    const name = id.slice("\0host:".length);
    const names = Object.keys((await import(name)) as object).filter((key) => /^[A-Za-z_$][\w$]*$/u.test(key));
    const own = names.filter((key) => key !== "default" && key !== "module.exports");
    return [
      `const host = globalThis.${HOST[name]};`,
      "export default host;",
      ...own.map((key) => `export const ${key} = host.${key};`),
    ].join("\n");
  },
});

/** Removes the files of the build before, whose names have other digests. The icons beside them stay. */
const withoutOldFiles = (): Plugin => ({
  name: "without-old-files",
  generateBundle: () => {
    for (const file of readdirSync(OUT).filter((name) => /\.(?:css|js)$/u.test(name))) rmSync(resolve(OUT, file));
  },
});

/** The entry has a fixed name, which the plugin of Airflow knows. No other file imports it: it has another address. */
export default defineConfig({
  base: "./",
  build: {
    chunkSizeWarningLimit: 600,
    emptyOutDir: false,
    modulePreload: false,
    outDir: OUT,
    rollupOptions: {
      input: resolve("src", "main.tsx"),
      onwarn: (warning, warn) => {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning); // "use client" of TanStack Query
      },
      output: {
        assetFileNames: "[name]-[hash][extname]",
        chunkFileNames: "[name]-[hash].js",
        // What two parts share is one file, not forty.
        codeSplitting: { groups: [{ minShareCount: 2, name: "shared" }] },
        entryFileNames: "exports.js",
      },
      preserveEntrySignatures: "strict",
      treeshake: { propertyReadSideEffects: false },
    },
    target: "es2023",
  },
  plugins: [fromHost(), withoutOldFiles()],
});
