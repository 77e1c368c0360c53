// What this process has and uses: memory, and the disk below a folder.

import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

export interface MemoryFigures {
  readonly rssBytes: number;
  /** What the container allows, else what the machine has. */
  readonly limitBytes: number;
  readonly heapUsedBytes: number;
  /** Beyond it Node ends the process, whatever the machine has left. */
  readonly heapLimitBytes: number;
}

export interface DiskFigures {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export function readMemory(): MemoryFigures {
  const heap = getHeapStatistics();
  const machineBytes = totalmem();
  // 0 or an absurdly high number where nothing constrains it.
  const allowedBytes = process.constrainedMemory();
  return {
    rssBytes: process.memoryUsage.rss(),
    limitBytes: allowedBytes > 0 ? Math.min(allowedBytes, machineBytes) : machineBytes,
    heapUsedBytes: heap.used_heap_size,
    heapLimitBytes: heap.heap_size_limit,
  };
}

/** Of the file system that holds the folder, as far as this user may fill it. */
export async function readDisk(folder: string): Promise<DiskFigures> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
