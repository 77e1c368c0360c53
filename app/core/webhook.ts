// Posts an alert as JSON to one address. Redirects are not followed: the address was configured, and no other.

import type { AlertChannel } from "./alerts.ts";

/** What an address answers that does not take an alert. */
class WebhookRefused extends Error {
  override readonly name = "WebhookRefused";
}

/** @param url http or https; may hold a secret, so it stands in no error and no log */
export function createWebhookChannel(url: string): AlertChannel {
  return {
    name: "webhook",
    async send(alert, signal) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(alert),
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new WebhookRefused(`the webhook answered ${response.status}`);
    },
  };
}
