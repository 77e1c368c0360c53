// Which web pages may open a socket or call the API (RFC 6454). Pure.
// Promises: an exact match of scheme, host and port; nothing is matched by prefix, suffix or pattern but `*`, the whole list.
// Does not protect against programs, which may send any Origin or none.

/**
 * May a request with this `Origin` and `Host` header be served? Without an Origin the caller is not a browser: allowed.
 * `allowedOrigins` holds serialised origins (`https://example.org`); `*` allows every page; an empty list allows only
 * pages of the host that was asked. There the scheme is not compared: behind a proxy that ends TLS it is not known.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined) return true;
  if (allowedOrigins.length > 0) return allowedOrigins.includes("*") || allowedOrigins.includes(origin);
  return host !== undefined && isSameHost(origin, host);
}

/** Letters, digits, dots, hyphens, a port, brackets: what else a Host header holds could move URL's idea of the host. */
const HOST_HEADER = /^[\w.:[\]-]+$/;

function isSameHost(origin: string, host: string): boolean {
  const page = URL.parse(origin);
  if (!page || (page.protocol !== "https:" && page.protocol !== "http:")) return false;
  // What a browser sends is the serialised form. Anything else (a path, a user name) did not come from one.
  if (page.origin !== origin || !HOST_HEADER.test(host)) return false;
  return URL.parse(`${page.protocol}//${host}`)?.host === page.host;
}
