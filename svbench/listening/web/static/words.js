// The interface's words, which the page brings along in the listener's language.

const words = JSON.parse(document.getElementById("texts").textContent);

export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
