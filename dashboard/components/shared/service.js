// Calls of the service through the gateway; refusals as errors that say what can be done.

const API = new URL("./coachlm/api/", document.baseURI);
const LONGEST_KEEPALIVE = 60_000; // bytes; browsers refuse more in requests that outlive the page
const LIMIT_MS = 35_000;

export class Refused extends Error {
  constructor(status, problem, askedAt) {
    super(problem.detail || `The service answered ${status}.`);
    this.status = status;
    this.askedAt = askedAt;
    this.code = problem.code || "";
    this.retryAfter = problem.retry_after_seconds || 0;
  }
  // Nothing was decided: the same call may be made again.
  get isAway() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
  get isSignedOut() {
    return this.status === 401;
  }
  // The lease is over or the pair has changed.
  get isLate() {
    return (this.status === 409 && !this.isDiverged) || this.status === 412 || this.status === 404;
  }
  // Another browser has saved a text of the item that wasn't seen here.
  get isDiverged() {
    return this.code === "diverged";
  }
}

// Milliseconds by which the server's clock is ahead of this one.
export const clock = { ahead: 0, now: () => Date.now() + clock.ahead };

export async function call(method, path, body, { lasting = false } = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const askedAt = performance.now();
  let answer;
  try {
    answer = await fetch(new URL(path, API), {
      method,
      body: text,
      headers: { "X-CoachLM": "desk", "Content-Type": "application/json" },
      keepalive: lasting && (text || "").length * 3 < LONGEST_KEEPALIVE,
      signal: lasting ? undefined : AbortSignal.timeout(LIMIT_MS),
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, { detail: "The pages' server can't be reached; is `coachlm dashboard` running?" }, askedAt);
  }
  const date = Date.parse(answer.headers.get("date") || "");
  if (date) clock.ahead = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  const content = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, content || {}, askedAt);
  return content;
}

export const service = {
  held: () => call("GET", "queue/held").then((answer) => answer.items),
  claim: () => call("POST", "queue/claim", {}),
  heartbeat: (token, active) => call("POST", "queue/heartbeat", { token, active }),
  draft: (draft, options) => call("PUT", "queue/draft", draft, options),
  submit: (submit) => call("POST", "queue/submit", submit),
  undo: (receipt) => call("POST", "queue/undo", { pair_id: receipt.pair_id, post_edit: receipt.post_edit }),
  takeBack: (pairId) => call("POST", "queue/take-back", { pair_id: pairId }),
  skip: (token) => call("POST", "queue/skip", { token }),
  release: (token) => call("POST", "queue/release", { token }),
  exclude: (item, reason, detail) =>
    call("POST", "queue/exclude", { pair_id: item.pair_id, version: item.version, reason, detail }),
  sendToOwner: (token, comment) => call("POST", "queue/send-to-owner", { token, comment }),
  progress: () => call("GET", "queue/progress"),
  pair: (id) => call("GET", `pairs/${id}`),
  reviews: (limit, of) => call("GET", `reviews?limit=${limit}${of ? `&task_class=${encodeURIComponent(of)}` : ""}`),
  claimReviews: (want, known, of) => call("POST", "reviews/claim", { want, known, ...(of ? { task_class: of } : {}) }),
  holdReviews: (ids) => call("POST", "reviews/hold", { pair_ids: ids }).then((answer) => answer.pair_ids),
  releaseReviews: (ids, options) => call("POST", "reviews/release", { pair_ids: ids }, options),
  reopen: (id, version) => call("POST", `pairs/${id}/reopen`, { version }),
  reviewDraft: (draft, options) => call("PUT", "reviews/draft", draft, options),
  review: (decision) => call("POST", "reviews", decision),
};

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
