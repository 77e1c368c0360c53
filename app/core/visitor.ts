// Stands for a visitor where limits need one: no address, and not to be traced back to one without the key.
// Promises: the same address has the same name for as long as the key is the same. Keeps no address.

import { createHmac, randomBytes } from "node:crypto";
import { toAddressGroup } from "./client-address.ts";

/** A visitor's name: 96 bits, in base64url, for a client address. */
export type VisitorReader = (address: string) => string;

export class VisitorNames {
  /** New for every process, until it has one in common with others. */
  #key: Buffer | string = randomBytes(32);

  readonly of: VisitorReader = (address) =>
    createHmac("sha256", this.#key).update(toAddressGroup(address)).digest("base64url").slice(0, 16);

  /** From here on the names are those that everybody gives who has this key. */
  adopt(key: string): void {
    this.#key = key;
  }
}
