// Loaded into a server process before it starts (NODE_OPTIONS=--import): at SIGUSR2 it collects its garbage and writes one
// line of the log's form with what is left. Changes nothing else.

process.on("SIGUSR2", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  process.stdout.write(`${JSON.stringify({ event: "soak_measured", rss, heapUsed, external, handles })}\n`);
});
