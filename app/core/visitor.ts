// Stands for a visitor where limits need one: no address, and not to be traced back to one.

import { createHmac, randomBytes } from "node:crypto";
import { toAddressGroup } from "./client-address.ts";

/** New for every process: what it makes means nothing to anybody else, and nothing after a restart. */
const KEY = randomBytes(32);

/** 96 bits for a client address; the same address gives the same within this process. */
export function visitorOf(address: string): string {
  return createHmac("sha256", KEY).update(toAddressGroup(address)).digest("base64url").slice(0, 16);
}
