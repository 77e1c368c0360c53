// The self-watch of the product: its checks, what is done when one stays bad, and who is told.
// Promises: every step can be taken back and none deletes what a visitor said: newcomers are refused while memory or the
// event loop is bad, indexes that can be built again are dropped when memory is.

import { alertTextOf } from "#app/core/alert-texts.ts";
import { type AlertChannel, Alerts } from "#app/core/alerts.ts";
import type { CircuitSettings } from "#app/core/config-circuits.ts";
import type { HealthConfig } from "#app/core/config-health.ts";
import type { LoadShedding } from "#app/core/load-shedding.ts";
import type { Logger } from "#app/core/logging.ts";
import { createMailer } from "#app/core/mail.ts";
import type { CircuitBreaker } from "#app/core/resilience.ts";
import { type HealthCheck, SelfWatch } from "#app/core/self-watch.ts";
import type { StallWatch } from "#app/core/stall-watch.ts";
import { createWebhookChannel } from "#app/core/webhook.ts";
import type { Activity } from "./activity.ts";
import { createChecks } from "./checks.ts";
import type { HealthSources } from "./sources.ts";

export interface WatchOptions {
  readonly config: HealthConfig;
  readonly retry: CircuitSettings["retry"];
  readonly logger: Logger;
  readonly activity: Activity;
  readonly shedding: LoadShedding;
  readonly stalls: StallWatch;
  /** Counts an alarm. Must not throw. */
  readonly onAlarm: (check: string) => void;
  /** Take the place of the product's own of the same name, or come on top. */
  readonly checks?: readonly HealthCheck[];
}

export interface Watch {
  readonly selfWatch: SelfWatch;
  close(): Promise<void>;
}

/** What is bad in the process itself gets worse with every newcomer. */
const SHED_FOR: ReadonlySet<string> = new Set(["memory", "event_loop_lag"]);

/** Not started yet. */
export function createWatch(sources: HealthSources, options: WatchOptions): Watch {
  const { config, retry, logger, shedding, activity, stalls, onAlarm, checks = [] } = options;
  const alerts = new Alerts({
    channels: channelsOf(config, sources.circuits.get("mail")),
    textOf: alertTextOf,
    retry,
    logger,
  });
  const replaced = new Set(checks.map(({ name }) => name));
  const own = createChecks(sources, { stalls, history: activity.history });
  const selfWatch = new SelfWatch({
    checks: [...own.filter(({ name }) => !replaced.has(name)), ...checks],
    intervalMs: config.checkIntervalMs,
    logger,
    onDegraded(check, finding, isNew) {
      if (isNew) {
        logger.error({ check, finding, ...alertTextOf(check) }, "health_degraded");
        onAlarm(check);
        if (SHED_FOR.has(check)) shedding.begin(check);
        if (check === "memory") sources.knowledge.drop();
      }
      alerts.degraded(check, finding);
    },
    onRecovered(check, finding) {
      shedding.end(check);
      logger.info({ check, finding }, "health_recovered");
      alerts.recovered(check, finding);
    },
  });
  return {
    selfWatch,
    async close() {
      selfWatch.stop();
      await alerts.close();
    },
  };
}

function channelsOf({ webhookUrl, mail }: HealthConfig, breaker: CircuitBreaker): AlertChannel[] {
  const channels: AlertChannel[] = [];
  if (webhookUrl !== undefined) channels.push(createWebhookChannel(webhookUrl));
  if (mail !== undefined) channels.push({ ...mailChannel(mail), breaker });
  return channels;
}

function mailChannel({ smtpUrl, to, from }: NonNullable<HealthConfig["mail"]>): AlertChannel {
  const mailer = createMailer({ url: smtpUrl, from });
  return {
    name: "mail",
    async send({ event, check, finding, visitors, command, at }, signal) {
      const word = event === "health_degraded" ? "is bad" : "is well again";
      const lines = [
        `${check} ${word}: ${finding}`,
        `Since: ${at}`,
        "",
        `Visitors: ${visitors}`,
        `Look: ${command}`,
      ];
      await mailer.send({ to, subject: `Parley: ${check} ${word}`, text: lines.join("\n") }, signal);
    },
  };
}
