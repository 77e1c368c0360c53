// How much memory a server process takes, read from outside while it works. Linux only, as the figures are.

import { readdir, readFile } from "node:fs/promises";
import { setInterval } from "node:timers/promises";

const SAMPLE_MS = 100;

/** The process of that program that this one has started. @throws Error when there is none, or more than one */
export async function findChild(program: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const matches = await Promise.all(pids.map((pid) => isOurs(pid, program)));
  const [found, ...others] = pids.filter((_, index) => matches[index]);
  if (found === undefined || others.length > 0) throw new Error(`not one process of ${program}`);
  return Number(found);
}

/** Resident bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const [, kibibytes = ""] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

/** The most that was seen from the call on until `stop` is called. */
export function watchPeak(pid: number): { stop(): Promise<number> } {
  const stopping = new AbortController();
  const watching = sample(pid, stopping.signal);
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}

async function sample(pid: number, signal: AbortSignal): Promise<number> {
  let peak = await residentBytes(pid);
  for await (const _ of setInterval(SAMPLE_MS)) {
    if (signal.aborted) break;
    // Once it has ended there is nothing more to see.
    peak = Math.max(peak, await residentBytes(pid).catch(() => 0));
  }
  return peak;
}

/** A process can end while it is looked at: then it is not the one. */
async function isOurs(pid: string, program: string): Promise<boolean> {
  const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
  const [status, command] = [await read("status"), await read("cmdline")];
  return status.includes(`\nPPid:\t${process.pid}\n`) && command.split("\0").includes(program);
}
