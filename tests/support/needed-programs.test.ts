// What `npm test` does about programs that are not on the machine, and how it ends.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findProgram, NEEDED_PROGRAMS, planPrograms, requireProgram, runShown } from "./needed-programs.ts";

const PROGRAM = {
  name: "tool",
  debianPackage: "tool-deb",
  candidates: ["tool", "tool-old"],
  variable: "TOOL_PATH",
};
const OTHER = { name: "other", debianPackage: "other", candidates: ["other"], variable: "OTHER_PATH" };

/** A folder with the named executables in it, gone after the test. */
function folderWith(t: TestContext, ...names: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-programs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of names) writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
  return folder;
}

test("a program is found on the PATH, its best name first, whatever folder comes first", (t) => {
  const old = folderWith(t, "tool-old");
  const both = folderWith(t, "tool", "tool-old");
  assert.equal(findProgram(PROGRAM, { PATH: `${old}::${both}` }), join(both, "tool"));
  assert.equal(findProgram(PROGRAM, { PATH: old }), join(old, "tool-old"));
});

test("the variable wins over the PATH, and a wrong one is not covered up", (t) => {
  const folder = folderWith(t, "tool", "mine");
  assert.equal(findProgram(PROGRAM, { PATH: folder, TOOL_PATH: join(folder, "mine") }), join(folder, "mine"));
  assert.equal(findProgram(PROGRAM, { PATH: folder, TOOL_PATH: join(folder, "gone") }), undefined);
});

test("a folder and a file that is not executable are no programs", (t) => {
  const folder = folderWith(t, "tool");
  chmodSync(join(folder, "tool"), 0o644);
  assert.equal(findProgram(PROGRAM, { PATH: folder }), undefined);
  assert.equal(findProgram(PROGRAM, { TOOL_PATH: folder }), undefined);
  assert.equal(findProgram(PROGRAM, {}), undefined);
});

test("a test that needs a missing program is told the line to run", () => {
  assert.throws(
    () => requireProgram("chromium", { PATH: "" }),
    /chromium is missing.*apt-get install .*chromium/,
  );
  assert.throws(() => requireProgram("emacs", {}), /not in NEEDED_PROGRAMS/);
});

test("nothing missing, nothing to do", () => {
  assert.deepEqual(planPrograms([], { isRoot: true, isDebian: true, env: {} }), { type: "ready" });
});

test("root on Debian installs exactly what is missing, after refreshing the lists", () => {
  const plan = planPrograms([PROGRAM, OTHER], { isRoot: true, isDebian: true, env: {} });
  assert.equal(plan.type, "install");
  const [update, install] = plan.commands.map((command) => command.join(" "));
  assert.match(update ?? "", /^apt-get .*update$/);
  assert.match(install ?? "", /^apt-get .*install -y --no-install-recommends tool-deb other$/);
});

for (const [name, machine] of Object.entries({
  "someone who is not root": { isRoot: false, isDebian: true, env: {} },
  "root on another system": { isRoot: true, isDebian: false, env: {} },
})) {
  test(`${name} is refused, with the programs, the one line to run and the variables`, () => {
    const plan = planPrograms([PROGRAM, OTHER], machine);
    assert.equal(plan.type, "refuse");
    assert.match(plan.message, /tool and other/);
    assert.match(plan.message, /sudo apt-get update && sudo apt-get install .* tool-deb other/);
    assert.match(plan.message, /TOOL_PATH and OTHER_PATH/);
  });
}

test("a command's exit code comes back as it was, and a missing command is an error", async () => {
  assert.equal(await runShown([process.execPath, "-e", "process.exit(3)"], process.env), 3);
  assert.equal(
    await runShown([process.execPath, "-e", "process.kill(process.pid, 'SIGKILL')"], process.env),
    1,
  );
  await assert.rejects(runShown(["/nowhere/at-all"], process.env), /ENOENT/);
});

/** Runs the launcher on one test file whose text is given. */
function launch(t: TestContext, text: string, env: NodeJS.ProcessEnv = {}) {
  const folder = folderWith(t);
  const file = join(folder, "given.test.ts");
  writeFileSync(file, text);
  const launcher = join(import.meta.dirname, "run-tests.ts");
  // Programs that are surely there stand in for those of the table, so that nothing is installed by this test.
  const programs = Object.fromEntries(NEEDED_PROGRAMS.map(({ variable }) => [variable, process.execPath]));
  return spawnSync(process.execPath, [launcher, file], {
    encoding: "utf8",
    env: { ...process.env, ...programs, ...env },
  });
}

test("the launcher ends with the runner's summary, exits 0 for passing tests and 1 for failing ones", (t) => {
  const passing = launch(t, 'import { test } from "node:test"; test("fine", () => {});');
  assert.equal(passing.status, 0, passing.stderr);
  assert.match(passing.stdout, /ℹ pass 1[\s\S]*ℹ duration_ms [\d.]+\s*$/);
  const failing = launch(
    t,
    'import { test } from "node:test"; test("broken", () => { throw new Error("seen"); });',
  );
  assert.equal(failing.status, 1);
  assert.match(failing.stdout, /ℹ fail 1[\s\S]*broken[\s\S]*seen/);
});

test("the launcher does not start a test, nor install, while a variable names no program", (t) => {
  const { status, stdout, stderr } = launch(t, 'console.log("started");', { CHROMIUM_PATH: "/nowhere" });
  assert.equal(status, 1);
  assert.match(stderr, /CHROMIUM_PATH names no program that can be run/);
  assert.doesNotMatch(stdout, /started|apt-get/);
});
