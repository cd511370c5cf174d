// Signs in and out: the token goes to the gateway, which keeps it in a cookie that no script can read.

const SESSION = new URL("./coachlm/session", document.baseURI);

export async function signIn(token, unknown = "Unknown token. Check it, or ask for a new one.") {
  let answer;
  try {
    answer = await fetch(SESSION, {
      method: "POST",
      headers: { "X-CoachLM": "desk" },
      body: token,
    });
  } catch {
    return "The pages' server can't be reached. Is `coachlm dashboard` running?";
  }
  if (answer.ok) return "";
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) return unknown;
  return problem.detail || `The server answered ${answer.status}.`;
}

export async function signOut() {
  await fetch(SESSION, { method: "DELETE", headers: { "X-CoachLM": "desk" } });
}

async function run(root, data) {
  const form = root.querySelector("form");
  const error = root.querySelector(".error");
  root.querySelector(".notice").textContent = data.notice || "";
  if (data.mode === "sign_out") {
    form.hidden = true;
    await signOut();
    location.assign(new URL(data.next, document.baseURI));
    return;
  }
  if (data.mode === "hand_over") {
    error.textContent = await signIn(data.ticket, "There is no account for you yet: ask an admin, or use a token.");
    if (!error.textContent) location.reload();
    return;
  }
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    error.textContent = await signIn(form.token.value.trim());
    button.disabled = false;
    if (!error.textContent) location.reload();
  };
  form.token.focus();
}

export default function ({ parentElement, data }) {
  run(parentElement, data);
}
