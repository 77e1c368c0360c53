// `npm test`: the programs the tests need, then types, format and lint, then every test.
// Promises: the test runner's summary is the last thing printed, and the exit code is 0 only if everything passed.
// Arguments are handed to `node --test`; with test files among them only those run, without the checks before.
// `--coverage` adds a coverage table of app/ and writes coverage/lcov.info.

import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { findProgram, NEEDED_PROGRAMS, planPrograms, runShown } from "./needed-programs.ts";

const ROOT = join(import.meta.dirname, "../..");
const TEST_TIMEOUT_MS = 120_000;
const COVERAGE_FLAGS = [
  "--experimental-test-coverage",
  "--test-coverage-include=app/**/*.ts",
  "--test-reporter=lcov",
  "--test-reporter-destination=coverage/lcov.info",
];

process.chdir(ROOT);
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (Number.parseInt(process.versions.node, 10) < 24) {
    return refuse(
      `Node 24 is needed, this is ${process.version}. Run: npm ci && npm test (npm brings Node 24)`,
    );
  }
  const withCoverage = args.includes("--coverage");
  const forwarded = args.filter((argument) => argument !== "--coverage");
  const files = forwarded.filter((argument) => !argument.startsWith("-"));
  const env = childEnvironment();

  const programsCode = await providePrograms(env);
  if (programsCode !== 0) return programsCode;
  if (files.length === 0 && !withCoverage) {
    say("Types, format and lint");
    const checkCode = await runShown([process.execPath, "--run", "check"], env);
    if (checkCode !== 0) return refuse("The checks above failed, so the tests were not started.", checkCode);
  }
  if (withCoverage) mkdirSync("coverage", { recursive: true });
  say("Tests");
  const flags = [
    "--test",
    // Two and more real processes, browsers and sockets at a time: more only makes them wait for each other.
    `--test-concurrency=${Math.min(4, availableParallelism())}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    ...(withCoverage ? COVERAGE_FLAGS : []),
  ];
  const patterns = files.length === 0 ? ["tests/**/*.test.ts"] : [];
  return runShown([process.execPath, ...flags, ...forwarded, ...patterns], env);
}

/** The tools' and the tests' environment: our own Node first, whatever the machine has. */
function childEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${join(ROOT, "node_modules/.bin")}:${process.env.PATH ?? ""}`,
  };
  // Set when a test runs this file; `node --test` would then report to that test instead of running.
  delete env.NODE_TEST_CONTEXT;
  return env;
}

async function providePrograms(env: NodeJS.ProcessEnv): Promise<number> {
  const plan = planPrograms(missingPrograms(env), {
    isRoot: process.getuid?.() === 0,
    isDebian: existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get"),
    env,
  });
  if (plan.type === "ready") return 0;
  if (plan.type === "refuse") return refuse(plan.message);
  for (const command of plan.commands) {
    say(command.join(" "));
    // RUNLEVEL keeps Debian from starting a service of its own: the tests start theirs on a free port.
    const code = await runShown(command, { ...env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" });
    if (code !== 0) return refuse(`${command.join(" ")} ended with exit code ${code}.`, code);
  }
  const still = missingPrograms(env).map(({ name }) => name);
  return still.length === 0 ? 0 : refuse(`Installed, but not found: ${still.join(", ")}.`);
}

function missingPrograms(env: NodeJS.ProcessEnv) {
  return NEEDED_PROGRAMS.filter((program) => findProgram(program, env) === undefined);
}

function say(line: string): void {
  process.stdout.write(`\n> ${line}\n`);
}

function refuse(message: string, code = 1): number {
  process.stderr.write(`\n${message}\n`);
  return code;
}
