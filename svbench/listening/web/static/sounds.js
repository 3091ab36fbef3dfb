// Fetches sounds and decodes them. Those of the next screen are fetched only: bytes are half the size.

export class FetchError extends Error {}

const fetched = new Map(); // address -> promise of bytes

// Begin to fetch; what is no longer wanted is let go.
export function fetchAhead(addresses, others = []) {
  const wanted = new Set([...addresses, ...others]);
  for (const address of fetched.keys()) if (!wanted.has(address)) fetched.delete(address);
  for (const address of addresses) bytes(address).catch(() => {});
}

// Fetch and decode all, at a rate in hertz; `progress` is told how many are done.
export async function load(addresses, rate, progress = () => {}) {
  let done = 0;
  const decoder = new OfflineAudioContext(1, 1, rate);
  return Promise.all(addresses.map(async (address) => {
    const encoded = await bytes(address);
    fetched.delete(address); // decoding takes the bytes away
    const buffer = await decoder.decodeAudioData(encoded);
    progress(++done);
    return buffer;
  }));
}

function bytes(address) {
  if (!fetched.has(address)) {
    const promise = request(address);
    promise.catch(() => fetched.delete(address));
    fetched.set(address, promise);
  }
  return fetched.get(address);
}

async function request(address) {
  let response;
  try {
    response = await fetch(address);
    if (response.ok) return await response.arrayBuffer();
  } catch (error) {
    throw new FetchError(address, { cause: error });
  }
  throw new FetchError(`${address}: ${response.status}`);
}
