// Sends requests to the server. `Unreachable` means that it is worth trying again: no answer, a server
// error (5xx) or too many requests (429). Any other status is an answer and is returned.

export class Unreachable extends Error {}

let csrf = "";

export function setToken(token) {
  csrf = token;
}

// Returns { status, body }; the body is null if the answer is not JSON.
export async function ask(method, path, content) {
  const options = { method, headers: { "X-CSRF-Token": csrf, Accept: "application/json" }, cache: "no-store" };
  if (content !== undefined) {
    options.body = JSON.stringify(content);
    options.headers["Content-Type"] = "application/json";
    options.keepalive = true; // the browser sends it even if the page is closed now
  }
  let response;
  let text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    throw new Unreachable(path, { cause: error });
  }
  if (response.status >= 500 || response.status === 429) throw new Unreachable(`${path}: ${response.status}`);
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // The answer is a page instead of JSON: the session is at another step, or deleted.
  }
  return { status: response.status, body };
}
