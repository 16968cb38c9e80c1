// The paths of `/_local`: reads and commands. A refusal is an error whose message can be shown.

/** The service's error response, or a failed connection. */
class Refusal extends Error {
  constructor(status, body) {
    const [field] = body.errors ?? [];
    super(field?.message ?? body.detail ?? `The local stack answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "unknown";
  }
}

async function call(method, path, body) {
  const headers = { accept: "application/json", ...(body !== undefined && { "content-type": "application/json" }) };
  let response;
  try {
    response = await fetch(`/_local/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refusal(0, { code: "offline", detail: "The local stack does not answer. Start it with cargo run, then try again." });
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    // The status decides.
  }
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

export const read = (path) => call("GET", path);
export const send = (path, body = {}) => call("POST", path, body);
export const remove = (path) => call("DELETE", path);

/** The items of a list, or null where the local stack has no such list: Stripe is not the fake one, for example. */
export async function itemsOf(path) {
  try {
    return (await read(path)).items;
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}
