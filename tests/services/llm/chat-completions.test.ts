// The reader of chat completions under the contract of remote models.

import { createChatCompletionsClient } from "#app/services/llm/chat-completions.ts";
import { describeRemoteChatModel } from "../../contracts/remote-chat-model.ts";
import { endpointAt } from "../../support/remote-request.ts";

describeRemoteChatModel("the reader of chat completions", (origin, deadlines) =>
  createChatCompletionsClient(endpointAt(origin), deadlines),
);
