// Whether the server does not let this page in. To a page, a refusal by origin looks like a network that is down;
// the difference is that a request whose answer nobody may read goes through.

const TIMEOUT_MS = 8_000;

/** Never rejects; false where the server cannot be reached at all, which may change by itself. */
export async function isPageRefused(host: string): Promise<boolean> {
  const url = `${host}/api/v1/personas`;
  if (new URL(url).origin === location.origin) return false;
  try {
    const response = await ask(url, "cors");
    return response.status === 403;
  } catch {
    // Refused or unreachable: told apart below.
  }
  try {
    await ask(url, "no-cors");
    return true;
  } catch {
    return false;
  }
}

function ask(url: string, mode: RequestMode): Promise<Response> {
  return fetch(url, {
    mode,
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}
