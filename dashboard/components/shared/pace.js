// How often a page tells that it is worked at. The service counts no gap beyond its idle limit: two heartbeats
// fall into it, and a longer pause at the keyboard is no work.

const LONGEST_BEAT_MS = 15_000;
const LONGEST_ACTIVE_MS = 20_000;

export function paceOf(idleSeconds) {
  return {
    beatMs: Math.min(LONGEST_BEAT_MS, idleSeconds * 500),
    activeMs: Math.min(LONGEST_ACTIVE_MS, idleSeconds * 1000),
  };
}
