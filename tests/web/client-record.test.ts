// What a reload finds: the draft, what was not sent; two tabs, and one tab that was duplicated.

import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../support/until.ts";
import { useClients } from "./client-fixture.ts";
import { createStorage, open } from "./client-steps.ts";

const fixture = useClients();

it("what is being typed is there after a reload, and gone when it was sent", async () => {
  const storage = createStorage();
  const { chat } = await open(fixture, { storage });
  assert.equal(chat.draft, "");
  chat.draft = "Half a thou";
  chat.close();
  const { chat: again } = await open(fixture, { storage }, 1);
  assert.equal(again.draft, "Half a thou");
  again.draft = "Half a thought\n";
  again.send("Half a thought");
  assert.equal(again.draft, "");
  again.close();
  assert.equal((await open(fixture, { storage }, 2)).chat.draft, "");
});

it("a draft stays while something else is sent, and where the conversation begins anew", async () => {
  const storage = createStorage();
  const { chat } = await open(fixture, { storage });
  chat.draft = "Later";
  chat.send("A suggested question");
  assert.equal(chat.draft, "Later");
  chat.startAnew();
  assert.equal(chat.draft, "Later");
  chat.close();
  assert.equal((await open(fixture, { storage }, 1)).chat.draft, "Later");
});

it("a draft lives without a storage, too", async () => {
  const { chat } = await open(fixture);
  chat.draft = "Kept here";
  assert.equal(chat.draft, "Kept here");
});

it("a record from before there were drafts, and one with a wrong one, has none", async () => {
  for (const [index, draft] of [undefined, 5, null].entries()) {
    const storage = createStorage();
    const secret = "a".repeat(22);
    const record = { conversationId: secret, resumeToken: secret, joined: true, unsent: [], draft };
    storage.setItem("parley.conversation.v1", JSON.stringify(record));
    const chat = fixture.connect({ storage });
    assert.equal(chat.draft, "");
    const join = await (await fixture.server.connection(index)).receive("join");
    assert.equal(join.conversationId, secret);
  }
});

it("two tabs with storages of their own are two conversations", async () => {
  const first = await open(fixture, { storage: createStorage() });
  const second = await open(fixture, { storage: createStorage() }, 1);
  first.chat.send("In the first");
  await first.connection.receive("message");
  const [a, b] = [first, second].map(({ connection }) => connection.of("join")[0]);
  assert.notEqual(a?.conversationId, b?.conversationId);
  assert.deepEqual(second.chat.state.unsent, []);
});

it("a duplicated tab is the same conversation, and says what was unsent under the same id", async () => {
  const storage = createStorage();
  const { chat, connection } = await open(fixture, { storage });
  const id = chat.send("Said once");
  await connection.receive("message");
  chat.draft = "typed";

  const copy = fixture.connect({ storage: storage.copy() });
  assert.equal(copy.draft, "typed");
  const second = await fixture.server.connection(1);
  const join = await second.join({ new: false });
  assert.equal(join.conversationId, (await connection.receive("join")).conversationId);
  assert.equal((await second.receive("message")).id, id);
  second.say("accepted", { messageId: id, runId: "r1", position: 0, state: "running", duplicate: true });
  await until("accepted", () => copy.state.unsent.length === 0);
  copy.draft = "its own from now on";
  assert.equal(chat.draft, "typed");
});
