// What is left out of marked and DOMPurify in the bundle: less to load, and a version that it does not know fails the
// build instead of going out half cut.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { build } from "esbuild";
import { slimPackages } from "#app/web/markdown/slim-packages.ts";

const read = (path: string) => readFile(path, "utf8");

/** The bundle of the whole room, with the packages' files as `readText` gives them. */
async function bundleRoom(readText?: (path: string) => Promise<string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../../app/web/markdown/markdown-view.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "silent",
    plugins: readText ? [slimPackages(readText)] : [],
  });
  return outputFiles.map(({ text }) => text).join("");
}

describe("the packages in the bundle", () => {
  it("are without the names of drawings and formulas, and without marked's own writer", async () => {
    const [slim, whole] = [await bundleRoom(read), await bundleRoom()];
    for (const unused of ["feGaussianBlur", "mmultiscripts", "Please report", 'type="checkbox"']) {
      assert.ok(whole.toLowerCase().includes(unused.toLowerCase()), `whole: ${unused}`);
      assert.ok(!slim.toLowerCase().includes(unused.toLowerCase()), `slim: ${unused}`);
    }
    assert.ok(slim.length < 0.8 * whole.length, `${slim.length} of ${whole.length}`);
  });

  it("fail the build where DOMPurify has other lists than those that are known", async () => {
    const changed = async (path: string) =>
      (await read(path)).replace("const mathMl = freeze(", "const maths = freeze(");
    await assert.rejects(bundleRoom(changed), /DOMPurify has changed: 9 lists, not 10/);
  });

  it("fail the build where marked has no such part, or no source map", async () => {
    const renamed = async (path: string) =>
      (await read(path)).replace("../src/rules.ts", "../src/grammar.ts");
    await assert.rejects(bundleRoom(renamed), /marked has changed: it has no \.\/rules\.ts/);
    const none = async (path: string) => (path.endsWith(".map") ? "{}" : await read(path));
    await assert.rejects(bundleRoom(none), /marked has changed/);
  });
});
