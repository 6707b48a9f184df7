// The types that others see are made from the sources, and the sources keep to them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

test("the types are those of the sources: `npm run types` makes them anew", (t) => {
  const made = mkdtempSync(join(tmpdir(), "gavel-types-"));
  t.after(() => rmSync(made, { recursive: true }));
  const tsc = "node_modules/typescript/bin/tsc";
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", ".", "--outDir", made]);
  assert.equal(status, 0, String(stdout));
  const read = (folder) => readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]);
  assert.deepEqual(read(made), read("types"));
});
