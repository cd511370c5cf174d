// One tab works on an item: whoever holds the browser's lock of that name. Locks end with the tab, also by a crash.

const WAIT_MS = 400; // a page that is being reloaded gives its locks up a moment later

// A function that gives the lock back; null: another tab has it.
export async function holdItem(token) {
  if (!navigator.locks) return () => {}; // plain HTTP beyond loopback: the service's fencing alone decides
  const name = `coachlm.item.${token}`;
  return new Promise((resolve) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), WAIT_MS);
    navigator.locks
      .request(name, { signal: stop.signal }, () => {
        clearTimeout(timer);
        return new Promise((release) => resolve(release));
      })
      .catch(() => resolve(null));
  });
}
