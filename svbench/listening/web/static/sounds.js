// Fetches and decodes sounds. Those of the next screen are only fetched: the bytes of a file take half the
// memory of its decoded samples.

export class FetchError extends Error {}

const fetched = new Map(); // address -> promise of bytes

// Begin to fetch, and drop what is no longer needed.
export function fetchAhead(addresses, others = []) {
  const wanted = new Set([...addresses, ...others]);
  for (const address of fetched.keys()) if (!wanted.has(address)) fetched.delete(address);
  for (const address of addresses) bytes(address).catch(() => {});
}

// Fetch and decode all, at a rate in hertz; `progress` is called with the number that are done.
export async function load(addresses, rate, progress = () => {}) {
  let done = 0;
  const decoder = new OfflineAudioContext(1, 1, rate);
  return Promise.all(addresses.map(async (address) => {
    const encoded = await bytes(address);
    fetched.delete(address); // decodeAudioData detaches the bytes, so they cannot be used again
    const buffer = await decoder.decodeAudioData(encoded);
    progress(++done);
    return buffer;
  }));
}

function bytes(address) {
  if (!fetched.has(address)) {
    const promise = request(address);
    promise.catch(() => fetched.delete(address)); // so that the next try fetches again
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
