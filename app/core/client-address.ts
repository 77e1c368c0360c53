// Who is at the other end, in the presence of proxies.
// Promises: nobody but a trusted proxy can choose the address that limits and logs see; the left of X-Forwarded-For,
// which the client writes itself, is never read beyond the first hop that is not ours.

import { BlockList, isIP, SocketAddress } from "node:net";

export type ClientAddressReader = (
  peerAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
) => string;

/** What is reported for a socket whose peer is gone already. */
const UNKNOWN_ADDRESS = "unknown";

/**
 * Makes a reader of client addresses. `trustedProxies`: addresses or CIDR ranges (`10.0.0.0/8`, `::1`).
 * Throws a RangeError that names a range it cannot read.
 */
export function createClientAddressReader(trustedProxies: readonly string[]): ClientAddressReader {
  const trusted = toBlockList(trustedProxies);
  const isTrusted = (address: string) => trusted.check(address, familyOf(address));
  return (peerAddress, forwardedFor) => {
    let nearest = normaliseAddress(peerAddress ?? "") ?? UNKNOWN_ADDRESS;
    if (forwardedFor === undefined || nearest === UNKNOWN_ADDRESS) return nearest;
    const header = typeof forwardedFor === "string" ? forwardedFor : forwardedFor.join(",");
    const hops = header.split(",");
    // Each trusted hop vouches for the one to its left. A hop that is no address proves nothing, so the walk ends there.
    while (isTrusted(nearest)) {
      const hop = normaliseAddress(withoutPort((hops.pop() ?? "").trim()));
      if (hop === undefined) break;
      nearest = hop;
    }
    return nearest;
  };
}

/**
 * What limits count by: an IPv4 address, or the /64 network of an IPv6 address, since one IPv6 visitor owns 2^64
 * addresses and could take a new one for every request.
 */
export function toAddressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill("0"), ...right];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** The one spelling of an address: IPv4 for IPv4-mapped IPv6, short lower-case IPv6 without a zone. Undefined for junk. */
function normaliseAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  const mapped = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : "";
  return isIP(mapped) === 4 ? mapped : address;
}

/** Some proxies write `203.0.113.9:4711` or `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  return /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}

function toBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix, ...rest] = range.split("/");
    const bits = isIP(address) === 6 ? 128 : 32;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    const readable = isIP(address) !== 0 && length <= bits && rest.length === 0;
    if (!readable) throw new RangeError(`Not an address or a CIDR range: ${JSON.stringify(range)}`);
    list.addSubnet(address, length, familyOf(address));
  }
  return list;
}
