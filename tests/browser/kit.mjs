// The parts that the walks share: a browser, the contract and the dev console of a local stack, and a person who uses a
// page.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

export const [base, shots] = process.argv.slice(2);
export const PASSWORD = "correct horse battery";
/** The password that replaces it. */
export const SECOND = "another horse staple";
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
/** The number of checked pages so far. */
export let checked = 0;
/** Each address that was checked with its width and scheme. */
const covered = [];
/** Documents, each with its width and scheme, in which axe-core has found no violation (D-202). */
const accessible = new Set();

/** Every path of the pages that `file` shows was checked at every width, in light and dark. `path` finds the paths in it. */
export async function requireCoverage(file, path, devices) {
  const text = await readFile(new URL(`../../functions/pages/web/${file}`, import.meta.url), "utf8");
  const paths = [...text.matchAll(path)].map(([, found]) => found);
  if (paths.length === 0) throw new Error(`no path in ${file}`);
  const isCovered = (wanted, width, scheme) => covered.some((one) => one.width === width && one.scheme === scheme && new RegExp(`^${wanted.replace(":id", "[^/]+")}$`).test(one.path));
  const cases = paths.flatMap((wanted) => devices.flatMap(({ width }) => ["light", "dark"].map((scheme) => [wanted, width, scheme])));
  const missing = cases.filter((one) => !isCovered(...one));
  if (missing.length > 0) throw new Error(`not checked: ${missing.map((one) => one.join(" ")).join(", ")}`);
}

export async function parsed(path, response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

/** Sends a command to the dev console. */
export async function control(path, body, method = "POST") {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return parsed(path, await fetch(`${base}/_local/${path}`, { method, headers, body: JSON.stringify(body ?? {}) }));
}

export const read = async (path) => parsed(path, await fetch(`${base}/_local/${path}`, { headers: { accept: "application/json" } }));

export async function mail(to, kind) {
  await control("drain");
  const { items } = await read(`emails?to=${encodeURIComponent(to)}`);
  const found = items.find((item) => item.kind === kind);
  if (!found) throw new Error(`no mail ${kind} to ${to}`);
  return found;
}

/** Calls the contract; a GET unless there is a body. */
export async function contract(path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const options = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  return parsed(path, await fetch(`${base}${path}`, options));
}

/** How long anything may take: the machine may be busy with other checks. */
const TIMEOUT_MS = 90_000;
/** How to wait for a text: by a timer, since a tab in the background draws no frames. */
export const WAIT = { timeout: TIMEOUT_MS, polling: 100 };

/** The first element of this kind that has this text, is visible and is not disabled. Runs in the page. */
const findVisible = (kind, text) => [...document.querySelectorAll(kind)].find((element) => element.textContent.trim() === text && !element.disabled && element.checkVisibility());

/** What a person sees: checked pages, buttons and the focus. `errors` are those of the page so far. */
function seeing(page, device, errors) {
  async function checkAccessibility(scheme, text) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    covered.push({ path: new URL(page.url()).pathname, width: device.width, scheme });
    const look = `${device.width} ${scheme} ${await page.evaluate(() => document.documentElement.outerHTML)}`;
    if (accessible.has(look)) return;
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    if (violations.length === 0) return accessible.add(look);
    const list = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
    throw new Error(`axe at ${page.url()} (${scheme}) after "${text}":\n${list.join("\n")}`);
  }

  return {
    /** Waits for a text, then checks the page: axe-core, width, errors. A page with a name is checked in light and dark. */
    async sees(text, shot) {
      await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), WAIT, text).catch(async () => {
        throw new Error(`"${text}" is missing at ${page.url()}:\n${await page.evaluate(() => document.body.innerText)}`);
      });
      await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"), WAIT);
      await page.evaluate(axe);
      const schemes = shot ? ["light", "dark"] : [device.scheme];
      for (const scheme of schemes) await checkAccessibility(scheme, text);
      if (shot) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: device.scheme }]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) throw new Error(`${page.url()} is ${overflow} px too wide`);
      if (errors.length > 0) throw new Error(`errors at ${page.url()}:\n${errors.join("\n")}`);
      if (shots && shot) await page.screenshot({ path: `${shots}/${device.name}-${shot}.png`, fullPage: true });
      checked += 1;
    },
    buttons: () => page.$$eval("button", (all) => all.map((button) => button.textContent.trim())),
    /** The text of the focused element. */
    focused: () => page.evaluate(() => document.activeElement.textContent.trim()),
  };
}

/** What a person does with a form. */
function filling(page, self) {
  return {
    async fill(fields) {
      // Keys reach a tab in the background slowly.
      await page.bringToFront();
      for (const [name, value] of Object.entries(fields)) {
        // Keys do not reach a field of a form that is still hidden.
        await page.waitForFunction((wanted) => document.querySelector(wanted)?.checkVisibility(), WAIT, `[name="${name}"]`);
        await page.$eval(`[name="${name}"]`, (input) => {
          input.value = "";
        });
        await page.type(`[name="${name}"]`, value);
      }
    },
    /** Presses a button as soon as it is visible and enabled. */
    async press(label) {
      await page.waitForFunction(findVisible, WAIT, "button", label);
      await page.evaluate(`(${findVisible})("button", ${JSON.stringify(label)}).click()`);
    },
    /** Sends the form of a page that stands for a page of Stripe. */
    async submit() {
      await Promise.all([page.waitForNavigation(), page.click("form button")]);
    },
    /** Pays the amount of a preview. */
    confirm: async () => self.press((await self.buttons()).find((label) => label.startsWith("Pay $"))),
  };
}

/** Where a person goes: addresses and links. */
function following(page) {
  return {
    goto: (path) => page.goto(path.startsWith("http") ? path : `${base}${path}`),
    async followText(text) {
      await page.waitForFunction(findVisible, WAIT, "a", text);
      await Promise.all([page.waitForNavigation(), page.evaluate(`(${findVisible})("a", ${JSON.stringify(text)}).click()`)]);
    },
    /** Clicks a link in the same step in which it is found: the page may change a moment later. */
    async follow(href) {
      const click = (wanted) => {
        const link = document.querySelector(`a[href="${wanted}"]`);
        link?.click();
        return link !== null;
      };
      await page.waitForFunction(click, WAIT, href);
    },
  };
}

/** The requests of the page: what they send, and what they are answered. */
function watching(page) {
  return {
    /** The next request to `path` gets this response: for states that the local stack cannot reach. */
    async answers(path, status, body) {
      await page.setRequestInterception(true);
      const answer = async (request) => {
        if (!request.url().endsWith(path)) return request.continue();
        page.off("request", answer);
        await request.respond({ status, contentType: status < 400 ? "application/json" : "application/problem+json", body: JSON.stringify(body) });
        await page.setRequestInterception(false);
      };
      page.on("request", answer);
    },
    /** The responses at these paths when the page is reloaded. */
    async reads(...paths) {
      const answers = paths.map((path) => page.waitForResponse((response) => response.url() === `${base}${path}`));
      await page.reload();
      return Promise.all(answers.map(async (response) => (await response).json()));
    },
    /** The body of the next request to `path`, while `act` runs. */
    async sends(path, act) {
      const [request] = await Promise.all([page.waitForRequest((sent) => sent.url() === `${base}${path}` && sent.method() === "POST"), act()]);
      return { body: JSON.parse(request.postData()), key: request.headers()["idempotency-key"] };
    },
  };
}

/** A new browser, or another tab of the `shared` one. Errors of the page end the walk. */
export async function person(device, shared) {
  const context = shared ?? (await browser.createBrowserContext());
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const errors = [];
  const refused = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // Some walks expect refused requests.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
  });
  page.on("response", (response) => response.status() >= 400 && refused.push(`${response.status()} ${new URL(response.url()).pathname}`));
  await page.setViewport({ width: device.width, height: device.height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: device.scheme }]);

  const self = {
    context,
    page,
    /** The refused requests so far, as "status path". */
    refused,
    close: () => context.close(),
    ...seeing(page, device, errors),
    ...following(page),
    ...watching(page),
  };
  return Object.assign(self, filling(page, self));
}
