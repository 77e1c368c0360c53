// A lease that could not be given back because Redis was away does not stand in the way of the one who had it.

import assert from "node:assert/strict";
import { it } from "node:test";
import { openConversation, rejectsWith, takeLease } from "../../contracts/conversation-samples.ts";
import { startInstances } from "../../support/redis-harness.ts";
import { until } from "../../support/until.ts";

it("an unreturned lease is given back before the next one is asked for, and to nobody's harm", async () => {
  await using both = await startInstances({ persistent: true });
  const { id, lease } = await openConversation(both.here);
  const other = await openConversation(both.here);
  await both.server.kill();
  await rejectsWith("storage_unavailable", both.here.lease.release(lease));
  await both.server.restart();
  await until(
    "both are back",
    () => [both.here, both.there].every(({ connection }) => connection.isReady),
    10_000,
  );
  assert.equal(await both.there.lease.acquire(id), undefined, "to others it is held until it lapses");
  assert.equal(await both.here.lease.acquire(other.id), undefined, "one that is held is held");
  const again = await takeLease(both.here, id);
  assert.ok(again.generation > lease.generation);
  await both.here.lease.release(again);
  // Taken by another meanwhile: what is given back late is not taken from him.
  const theirs = await takeLease(both.there, id);
  assert.equal(await both.here.lease.acquire(id), undefined);
  assert.equal(await both.there.lease.renew(theirs), true);
});
