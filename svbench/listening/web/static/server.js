// Talks to the server. A failure that may pass is told apart from an answer that stands.

export class Unreachable extends Error {}

let csrf = "";

export function setToken(token) {
  csrf = token;
}

// Returns { status, body }; body is null where there is none.
export async function ask(method, path, content) {
  const options = { method, headers: { "X-CSRF-Token": csrf, Accept: "application/json" }, cache: "no-store" };
  if (content !== undefined) {
    options.body = JSON.stringify(content);
    options.headers["Content-Type"] = "application/json";
    options.keepalive = true; // goes out even as the page is left
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
    // A page instead of JSON: the session is at another step, or gone.
  }
  return { status: response.status, body };
}
