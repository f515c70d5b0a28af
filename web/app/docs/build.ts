/*
 * The files of GET /api/docs: Swagger UI as its makers ship it, our page in two languages, style and first script. Names carry a hash of
 * the content, and the large ones stand there compressed too, so that no server does that at each start.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const ours = fileURLToPath(new URL(".", import.meta.url));
const viewer = join(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"), "..");
const PARTS = [join(viewer, "swagger-ui-bundle.js"), join(viewer, "swagger-ui.css"), join(ours, "docs.js"), join(ours, "docs.css"), join(ours, "../src/styles/icon.svg")];
const NOTICES = ["NOTICE", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt"];
const FOLDER = "api/docs";
const GZIP_MIN = 16384;

interface Part {
  word: string;
  fileName: string;
  source: Buffer;
}

/** Maps, which we do not ship, are not asked for. */
function content(file: string): Buffer {
  return Buffer.from(readFileSync(file, "utf8").replace(/\n(\/\/|\/\*)# sourceMappingURL=.*\s*$/, "\n"));
}

function part(file: string): Part {
  const source = content(file);
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 16);
  const word = file.split(/[\\/]/).at(-1)!;
  return { word, source, fileName: `${FOLDER}/${word.slice(0, -extname(word).length)}-${hash}${extname(word)}` };
}

export function docs(): Plugin {
  return {
    name: "stacgate-docs",
    apply: "build",
    generateBundle() {
      const emit = (fileName: string, source: Buffer | string) => this.emitFile({ type: "asset", fileName, source });
      const parts = PARTS.map(part);
      for (const { fileName, source } of parts) {
        emit(fileName, source);
        if (source.length >= GZIP_MIN) emit(`${fileName}.gz`, gzipSync(source, { level: 9 }));
      }
      for (const language of ["fr", "en"]) {
        const html = readFileSync(join(ours, `${language}.html`), "utf8");
        emit(`${FOLDER}/${language}.html`, html.replace(/\{([\w.-]+)\}/g, (_, word: string) => `/${parts.find((p) => p.word === word)!.fileName}`));
      }
      for (const notice of NOTICES) emit(`${FOLDER}/swagger-ui/${notice}`, readFileSync(join(viewer, notice)));
    },
  };
}
