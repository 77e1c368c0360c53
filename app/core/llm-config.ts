// The part of the environment that says which language model answers.
// Promises: an LlmConfig is complete: `auto` is resolved, and a provider that lacks a variable is refused by its name.
// Does not talk to a provider.

import { z } from "zod";
import type { CircuitSettings } from "./config-circuits.ts";
import { choice, entriesOf, integer } from "./config-fields.ts";

interface LlmCommon {
  /** Of the circuit `llm`: failures that open its breaker, and how long it stays open. */
  readonly breaker: Pick<CircuitSettings, "failureThreshold" | "recoveryMs">;
  readonly retry: CircuitSettings["retry"];
  /** LANGSMITH_TRACING: calls are shown to LangSmith, prompts and replies included. */
  readonly tracing: boolean;
  /** LLM_ALLOWED_MODELS: names that personas may ask for, the configured one included. */
  readonly allowedModels: readonly string[];
  /** FALLBACK_OPENAI_…; absent where there is none, and where LLM_PROVIDER is offline: that asks no model at all. */
  readonly fallback?: FallbackModel;
}

/** The model that answers where the configured one does not. */
export interface FallbackModel {
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly model: string;
  /** FALLBACK_LLM_CALLS_AT_ONCE: 100 by default. */
  readonly callsAtOnce: number;
}

interface RemoteCommon extends LlmCommon {
  readonly model: string;
  /** LLM_CALLS_AT_ONCE; RUNS_AT_ONCE by default. As many again may wait in line. */
  readonly callsAtOnce: number;
}

export type LlmConfig =
  | (LlmCommon & { readonly provider: "offline" })
  | (RemoteCommon & {
      readonly provider: "openai";
      readonly baseUrl: string;
      readonly apiKey?: string;
    })
  | (RemoteCommon & {
      readonly provider: "deepseek";
      readonly endpoint: string;
      readonly apiKey: string;
    });

type Issue = { readonly path: readonly string[]; readonly message: string };

export const OPENAI_API = "https://api.openai.com/v1";
const MODEL_NAME = /^[\w.:/@-]{1,128}$/;
/** The two forms of Azure AI Foundry, with or without what a portal's copy button adds. */
const AZURE_PATH = /\/(?:models|openai\/v1)(?:\/chat\/completions)?\/*$/;

/** A key goes into a header: anything but visible ASCII would be refused there, much later. */
function secret() {
  return z
    .string()
    .regex(/^(?:[\x21-\x7e]{1,4096})?$/, { error: "must be a key: visible characters without blanks" });
}

function modelName() {
  return z.string().regex(/^(?:[\w.:/@-]{1,128})?$/, { error: "must be the name of one model" });
}

function isHttpUrl(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.hash === "";
}

/** Azure speaks TLS; a key must not leave this machine without it. */
function isAzureEndpoint(value: string): boolean {
  if (!isHttpUrl(value)) return false;
  const url = new URL(value);
  return (url.protocol === "https:" || isLoopback(url)) && AZURE_PATH.test(url.pathname);
}

/** Whether what is sent there stays on this machine. */
export function isLoopback(url: URL): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
}

const azureEndpoint = z.string().refine((value) => value === "" || isAzureEndpoint(value), {
  error:
    "must be an https address that ends in /models or /openai/v1, as the Azure AI Foundry portal shows it",
});

const baseUrl = z.string().refine((value) => value === "" || isHttpUrl(value), {
  error: "must be an http or https address such as http://localhost:11434/v1, without user and fragment",
});

const modelNames = z.string().transform((list, context): readonly string[] => {
  const names = entriesOf(list);
  if (!names.every((name) => MODEL_NAME.test(name)))
    context.addIssue({ code: "custom", message: "must hold names of models, separated by commas" });
  return names;
});

const calls = () => integer("calls", 1, 100_000);

export const LLM_FIELDS = {
  LLM_PROVIDER: choice(["auto", "deepseek", "openai", "offline"])
    .prefault("auto")
    .describe("Who answers: auto, deepseek, openai or offline (authored lines and retrieval, no model)."),
  AZURE_AI_ENDPOINT: azureEndpoint
    .prefault("")
    .describe(
      "DeepSeek on Azure AI Foundry: https://<resource>.services.ai.azure.com/models, or …/openai/v1.",
    ),
  AZURE_AI_CREDENTIAL: secret().prefault("").describe("The key of AZURE_AI_ENDPOINT."),
  DEEPSEEK_MODEL_NAME: modelName()
    .prefault("")
    .describe("The model at AZURE_AI_ENDPOINT, such as DeepSeek-V3-0324."),
  DEEPSEEK_DEPLOYMENT_NAME: modelName()
    .prefault("")
    .describe("The name of its deployment, where that is not the name of the model."),
  OPENAI_API_KEY: secret()
    .prefault("")
    .describe("The key of OpenAI, or of the server at OPENAI_BASE_URL where it wants one."),
  OPENAI_BASE_URL: baseUrl
    .prefault("")
    .describe("An OpenAI-compatible server (vLLM, Ollama, llama-server); empty: OpenAI's own."),
  OPENAI_MODEL: modelName()
    .prefault("gpt-4.1-mini")
    .describe("The model that OpenAI or OPENAI_BASE_URL shall answer with."),
  LLM_ALLOWED_MODELS: modelNames
    .prefault("")
    .describe("Models that personas may choose beside the configured one, comma-separated."),
  LLM_CALLS_AT_ONCE: calls().optional().meta({
    description:
      "Calls to the model at a time; as many again wait in line, the rest step down at once; empty: as RUNS_AT_ONCE.",
    inherits: "RUNS_AT_ONCE",
  }),
  FALLBACK_OPENAI_BASE_URL: baseUrl
    .prefault("")
    .describe(
      "An OpenAI-compatible server that answers when the model does not; each has 12 s to its first word then, else 20 s.",
    ),
  FALLBACK_OPENAI_API_KEY: secret()
    .prefault("")
    .describe("The key of the fallback model; alone, without a base URL: at OpenAI's own."),
  FALLBACK_OPENAI_MODEL: modelName().prefault("").describe("The name of the fallback model."),
  FALLBACK_LLM_CALLS_AT_ONCE: calls()
    .prefault("100")
    .describe(
      "Calls to the fallback model at a time; as many again wait in line, the rest step down at once.",
    ),
  LANGSMITH_TRACING: choice(["true", "false"])
    .prefault("false")
    .describe("true: sends every run to LangSmith, prompts, messages and replies included."),
  LANGSMITH_API_KEY: secret().prefault("").describe("The key of LangSmith; alone it traces nothing."),
  // LangSmith reads these two itself, and takes an empty value for one: so the defaults are its own, spelled out.
  LANGSMITH_PROJECT: z.string().prefault("default").describe("The project of LangSmith that traces go to."),
  LANGSMITH_ENDPOINT: baseUrl
    .prefault("https://api.smith.langchain.com")
    .describe("LangSmith's address; this one is in the United States."),
};

type LlmValues = z.output<z.ZodObject<typeof LLM_FIELDS>> & {
  readonly circuits: { readonly llm: CircuitSettings };
  readonly RUNS_AT_ONCE: number;
};

/** What does not fit together, on the text as it was given (blank values left out). */
export function llmConflicts(given: Readonly<Record<string, string>>): readonly Issue[] {
  const provider = resolveProvider(given);
  const needs: (readonly [name: string, missing: boolean, why: string])[] = [
    ["AZURE_AI_ENDPOINT", provider === "deepseek" && !given.AZURE_AI_ENDPOINT, "must be set for deepseek"],
    [
      "AZURE_AI_CREDENTIAL",
      provider === "deepseek" && !given.AZURE_AI_CREDENTIAL,
      "must be set for deepseek",
    ],
    [
      "DEEPSEEK_MODEL_NAME",
      provider === "deepseek" && !given.DEEPSEEK_MODEL_NAME && !given.DEEPSEEK_DEPLOYMENT_NAME,
      "must be set for deepseek, or DEEPSEEK_DEPLOYMENT_NAME",
    ],
    [
      "OPENAI_API_KEY",
      provider === "openai" && !given.OPENAI_API_KEY && !given.OPENAI_BASE_URL,
      "must be set for openai, or OPENAI_BASE_URL of a server that needs none",
    ],
    [
      "FALLBACK_OPENAI_BASE_URL",
      !!given.FALLBACK_OPENAI_MODEL && !given.FALLBACK_OPENAI_BASE_URL && !given.FALLBACK_OPENAI_API_KEY,
      "must be set where FALLBACK_OPENAI_MODEL is, or FALLBACK_OPENAI_API_KEY",
    ],
    [
      "FALLBACK_OPENAI_MODEL",
      !given.FALLBACK_OPENAI_MODEL && !!(given.FALLBACK_OPENAI_BASE_URL || given.FALLBACK_OPENAI_API_KEY),
      "must be set for a fallback model",
    ],
    [
      "LANGSMITH_API_KEY",
      given.LANGSMITH_TRACING === "true" && !given.LANGSMITH_API_KEY,
      "must be set where LANGSMITH_TRACING is true",
    ],
  ];
  return needs.filter(([, missing]) => missing).map(([name, , message]) => ({ path: [name], message }));
}

export function toLlmConfig(values: LlmValues): LlmConfig {
  const provider = resolveProvider(values);
  const model = {
    offline: undefined,
    openai: values.OPENAI_MODEL,
    deepseek: values.DEEPSEEK_DEPLOYMENT_NAME || values.DEEPSEEK_MODEL_NAME,
  }[provider];
  const { failureThreshold, recoveryMs, retry } = values.circuits.llm;
  const fallback = provider === "offline" ? undefined : toFallback(values);
  const common: LlmCommon = {
    breaker: Object.freeze({ failureThreshold, recoveryMs }),
    retry,
    tracing: values.LANGSMITH_TRACING === "true",
    allowedModels: Object.freeze([...new Set([...(model ? [model] : []), ...values.LLM_ALLOWED_MODELS])]),
    ...(fallback && { fallback }),
  };
  if (provider === "offline" || model === undefined) return Object.freeze({ ...common, provider: "offline" });
  const { LLM_CALLS_AT_ONCE: callsAtOnce = values.RUNS_AT_ONCE } = values;
  if (provider === "deepseek") {
    const { AZURE_AI_ENDPOINT: endpoint, AZURE_AI_CREDENTIAL: apiKey } = values;
    return Object.freeze({ ...common, callsAtOnce, provider, endpoint, apiKey, model });
  }
  const apiKey = values.OPENAI_API_KEY;
  return Object.freeze({
    ...common,
    callsAtOnce,
    provider,
    baseUrl: values.OPENAI_BASE_URL || OPENAI_API,
    ...(apiKey !== "" && { apiKey }),
    model,
  });
}

function toFallback(values: LlmValues): FallbackModel | undefined {
  const { FALLBACK_OPENAI_MODEL: model, FALLBACK_OPENAI_API_KEY: apiKey } = values;
  const { FALLBACK_LLM_CALLS_AT_ONCE: callsAtOnce } = values;
  if (model === "") return undefined;
  const baseUrl = values.FALLBACK_OPENAI_BASE_URL || OPENAI_API;
  return Object.freeze({ baseUrl, ...(apiKey !== "" && { apiKey }), model, callsAtOnce });
}

interface ProviderVariables {
  readonly [name: string]: unknown;
  readonly LLM_PROVIDER?: string;
}

/** `auto`: Azure where one of its variables is set (a half-made choice is refused, not passed over), else OpenAI. */
function resolveProvider(given: ProviderVariables): "deepseek" | "openai" | "offline" {
  const chosen = given.LLM_PROVIDER;
  if (chosen === "deepseek" || chosen === "openai" || chosen === "offline") return chosen;
  if (given.AZURE_AI_ENDPOINT || given.AZURE_AI_CREDENTIAL) return "deepseek";
  return given.OPENAI_API_KEY || given.OPENAI_BASE_URL ? "openai" : "offline";
}
