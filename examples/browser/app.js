// A front end on an origin of its own. Everything about accounts comes from tollgate.js.

const { tollgate: url } = await (await fetch("/config.json")).json();
const { Tollgate } = await import(`${url}/account/tollgate.js`);

const tollgate = new Tollgate();
const element = (id) => document.getElementById(id);
const say = (text) => {
  element("status").textContent = text;
};

function show() {
  element("signed-out").hidden = tollgate.isSignedIn;
  element("signed-in").hidden = !tollgate.isSignedIn;
  element("user").textContent = tollgate.user?.email ?? "";
}

/** Runs what a button does, and shows a problem. */
const handle = (action) => async (event) => {
  event.preventDefault();
  try {
    await action(event);
  } catch (problem) {
    say(problem.message);
  }
  show();
};

tollgate.addEventListener("signed-in", show);
tollgate.addEventListener("signed-out", ({ detail }) => {
  if (detail.elsewhere) say("You signed out in another tab.");
  show();
});
tollgate.addEventListener("expired", () => {
  say("Your session has expired. Sign in to continue.");
  show();
});

element("sign-in").addEventListener("submit", handle(async () => {
  const { email, password } = Object.fromEntries(new FormData(element("sign-in")));
  await tollgate.signIn(email, password);
  element("sign-in").reset();
  say("You're signed in.");
}));
element("google").addEventListener("click", handle(() => tollgate.continueWith("google")));
element("sign-out").addEventListener("click", handle(async () => {
  await tollgate.signOut();
  say("You're signed out.");
}));
element("subscribe").addEventListener("click", handle(() => tollgate.subscribe("team")));
element("portal").addEventListener("click", handle(() => tollgate.openPortal()));

for (const button of document.querySelectorAll("[data-path]")) {
  button.addEventListener("click", handle(async () => {
    const response = await tollgate.fetch(button.dataset.path);
    // The session ended: the listener of `expired` says so.
    if (!tollgate.isSignedIn) return;
    const body = await response.json();
    say(response.ok ? body.message : body.detail);
    // A refusal that the page can act on: the user's plan is not enough.
    element("upgrade").hidden = body.code !== "tier_required";
  }));
}

// The hosted pages lead back to this address, with whatever it shows.
for (const [id, page] of [["sign-in-page", tollgate.signInUrl()], ["register-page", tollgate.registerUrl()], ["billing-page", tollgate.billingUrl()]]) {
  element(id).href = page;
}

try {
  const isSignedIn = await tollgate.resume();
  const query = new URLSearchParams(location.search);
  say(isSignedIn ? "" : query.get("error") ? "The sign-in didn't work. Try again." : "You're not signed in.");
  if (isSignedIn && query.get("checkout") === "success") {
    say("Confirming your payment…");
    const subscription = await tollgate.confirmCheckout();
    say(subscription?.has_access ? `You're subscribed to ${subscription.plan.name}.` : "Your payment isn't confirmed yet. Reload the page in a few minutes.");
  }
} catch (problem) {
  say(problem.message);
}
show();
