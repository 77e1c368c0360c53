// The programs beside Node that the tests drive, where they are looked for, and what to do about missing ones.
// Promises: one table; looking changes nothing. Installing happens only as root on Debian (and what derives from it).

import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

export interface NeededProgram {
  readonly name: string;
  readonly debianPackage: string;
  /** Names on the PATH, or absolute paths, best first. */
  readonly candidates: readonly string[];
  /** Variable that names the executable itself and wins over the candidates. */
  readonly variable: string;
}

export const NEEDED_PROGRAMS: readonly NeededProgram[] = [
  {
    name: "chromium",
    debianPackage: "chromium",
    candidates: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    variable: "CHROMIUM_PATH",
  },
  {
    name: "redis-server",
    debianPackage: "redis-server",
    candidates: ["redis-server", "/usr/sbin/redis-server"],
    variable: "REDIS_SERVER_PATH",
  },
  {
    name: "nginx",
    debianPackage: "nginx",
    candidates: ["nginx", "/usr/sbin/nginx"],
    variable: "NGINX_PATH",
  },
];

type Environment = Readonly<Record<string, string | undefined>>;

/** The executable's path, or undefined when it is not on this machine. */
export function findProgram(program: NeededProgram, env: Environment): string | undefined {
  const named = env[program.variable];
  const wanted = named ? [named] : program.candidates;
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return wanted
    .flatMap((name) => (isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name))))
    .find(isExecutable);
}

/** Path of a program of the table, by name; throws with what to do when it is missing. For tests. */
export function requireProgram(name: string, env: Environment): string {
  const program = NEEDED_PROGRAMS.find((row) => row.name === name);
  if (program === undefined) throw new Error(`${name} is not in NEEDED_PROGRAMS`);
  const path = findProgram(program, env);
  if (path === undefined) throw new Error(`${name} is missing. ${adviceFor([program])}`);
  return path;
}

export type ProgramPlan =
  | { readonly type: "ready" }
  | { readonly type: "install"; readonly commands: readonly (readonly string[])[] }
  | { readonly type: "refuse"; readonly message: string };

/** Decides what to do about missing programs; does nothing itself. */
export function planPrograms(
  missing: readonly NeededProgram[],
  machine: { readonly isRoot: boolean; readonly isDebian: boolean; readonly env: Environment },
): ProgramPlan {
  if (missing.length === 0) return { type: "ready" };
  const misnamed = missing.find(({ variable }) => machine.env[variable]);
  if (misnamed !== undefined) {
    const message = `${misnamed.variable} names no program that can be run. Correct it, or leave it out.`;
    return { type: "refuse", message };
  }
  if (!machine.isRoot || !machine.isDebian) {
    const names = missing.map(({ name }) => name).join(" and ");
    return { type: "refuse", message: `The tests need ${names}. ${adviceFor(missing)}` };
  }
  return {
    type: "install",
    commands: [
      ["apt-get", "-o", "Acquire::Retries=3", "update"],
      ["apt-get", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120", "install", "-y"].concat(
        "--no-install-recommends",
        missing.map(({ debianPackage }) => debianPackage),
      ),
    ],
  };
}

/** Runs a command with its output shown and resolves to its exit code; signals of this process are passed on. */
export function runShown(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
    const passOn = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGTERM", passOn).on("SIGINT", passOn);
    child.once("error", reject);
    child.once("close", (code) => {
      process.off("SIGTERM", passOn).off("SIGINT", passOn);
      resolve(code ?? 1);
    });
  });
}

function adviceFor(programs: readonly NeededProgram[]): string {
  const packages = programs.map(({ debianPackage }) => debianPackage).join(" ");
  const variables = programs.map(({ variable }) => variable).join(" and ");
  return `Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages} (or set ${variables})`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
