// Complete walks through the account pages at three widths, in light and dark.

import { browser, checked, contract, person, requireCoverage } from "./kit.mjs";
import { byDeletion, byProvider, byAddress, byOffline, byKeyboard, byForeignCookie, byNonsense, userAgents } from "./walk-account.mjs";
import { byPlan, byChange, byRefusedChange, byTabs, amounts } from "./walk-billing.mjs";
import { byPassword } from "./walk-password.mjs";

const devices = [
  { name: "phone", width: 390, height: 844, scheme: "light" },
  { name: "tablet", width: 768, height: 1024, scheme: "light", isBetween: true },
  { name: "desktop", width: 1280, height: 900, scheme: "dark" },
];

/** Adds a plan with every kind of feature, one with a longer trial, one without a trial, and a yearly one. */
async function morePlans() {
  const admin = await contract("/login", { email: "admin@localhost.test", password: process.env.ADMIN_PASSWORD });
  const features = { max_projects: 1200, priority_support: true, single_sign_on: false, regions: ["Dublin", "Oregon"], storage: { size: "50 GB", copies: 3 } };
  const description = "For studios that ship often, and pay once a year.";
  const plan = { code: "studio", name: "Studio", price_cents: 49900, currency: "eur", billing_period: "year", tier: 3, trial_days: 14, description, features };
  await contract("/billing/plans", plan, admin.access_token);
  const agency = { code: "agency", name: "Agency", price_cents: 99900, currency: "eur", billing_period: "year", tier: 4, trial_days: 30 };
  await contract("/billing/plans", agency, admin.access_token);
  const campus = { code: "campus", name: "Campus", price_cents: 129900, currency: "eur", billing_period: "year", tier: 5 };
  await contract("/billing/plans", campus, admin.access_token);
  const yearly = { code: "team-year", name: "Team, yearly", price_cents: 49000, currency: "usd", billing_period: "year", tier: 2 };
  await contract("/billing/plans", yearly, admin.access_token);
}

async function documents(device) {
  const reader = await person(device);
  await reader.goto("/docs#login");
  await reader.sees("POST /login", "docs");
  await reader.sees("Use the new one from then on");
  await reader.sees("Link to this operation");
  await reader.fill({ search: "introspect token" });
  const shown = await reader.page.$$eval(".operation:not([hidden])", (all) => all.map(({ id }) => id));
  if (!shown.includes("introspect") || shown.includes("login")) throw new Error(`the search shows ${shown}`);
  await reader.page.$eval("#search", (input) => ((input.value = ""), input.dispatchEvent(new Event("input"))));
  await reader.page.evaluate(() => document.querySelectorAll("details").forEach((details) => details.setAttribute("open", "")));
  await reader.sees("curl -i", "docs-open");
  await reader.close();
}

await morePlans();
for (const device of devices) {
  await byPassword(device);
  await byProvider(device, "google", "Google");
  await byPlan(device);
  await byDeletion(device);
  await byAddress(device);
  await byOffline(device);
  await byNonsense(device);
  await documents(device);
  // The width between has the layout of one of the others: the longer walks are not repeated.
  if (!device.isBetween) {
    await byProvider(device, "github", "GitHub");
    await byChange(device);
    await byRefusedChange(device);
    await byTabs(device);
    await byKeyboard(device);
    await byForeignCookie(device);
    await userAgents(device);
    await amounts(device);
  }
  console.log(`${device.name}: complete`);
}
await requireCoverage("account/main.js", /"(\/account[^"]*)": /g, devices);
await browser.close();
console.log(`${checked} pages checked, without an error or a violation of axe-core's rules`);
