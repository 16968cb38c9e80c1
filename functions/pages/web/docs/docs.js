// The OpenAPI document as a page: each operation with what it takes, what it returns, and a curl line to try it. The text
// above the operations is in index.html.

import { h } from "../account/dom.js";

const methods = ["get", "post", "patch", "delete"];
let api;

/** The target of a `$ref`. */
function resolve(schema) {
  let found = schema ?? {};
  while (found.$ref) found = found.$ref.split("/").slice(1).reduce((place, name) => place[name], api);
  const some = (found.oneOf ?? found.anyOf)?.find((one) => one.type !== "null");
  if (some) return resolve(some);
  if (found.allOf) {
    const parts = found.allOf.map(resolve);
    return {
      type: "object",
      properties: Object.assign({}, ...parts.map((part) => part.properties)),
      required: parts.flatMap((part) => part.required ?? []),
    };
  }
  return found;
}

/** A schema's type in a word or two. */
function kind(schema) {
  const found = resolve(schema);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" or ");
  const types = [found.type ?? "any"].flat();
  if (types.includes("array")) return `list of ${kind(found.items)}`;
  return [types.join(" or "), found.format].filter(Boolean).join(", ");
}

/** An example value. */
function example(schema, name) {
  const found = resolve(schema);
  if (found.examples) return found.examples[0];
  if (found.enum) return found.enum[0];
  const type = [found.type].flat()[0];
  if (type === "object") {
    const all = Object.entries(found.properties ?? {});
    const needed = all.filter(([field]) => found.required?.includes(field));
    const wanted = needed.length > 0 ? needed : all.slice(0, 1);
    return Object.fromEntries(wanted.map(([field, value]) => [field, example(value, field)]));
  }
  if (type === "array") return [example(found.items)];
  if (type === "integer" || type === "number") return found.default ?? 1;
  if (type === "boolean") return true;
  if (found.format === "email") return "ann@example.com";
  if (found.format === "password") return "correct horse battery";
  if (found.format === "date-time") return "2026-01-31T12:00:00Z";
  if (found.format === "date") return "2026-01-31";
  return { code: "123456", currency: "usd", token_type: "Bearer" }[name] ?? "…";
}

function fields(schema) {
  const found = resolve(schema);
  const rows = Object.entries(found.properties ?? {}).map(([name, value]) =>
    h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, kind(value)), h("td", {}, found.required?.includes(name) ? "yes" : "no"), h("td", {}, value.description ?? "")),
  );
  return rows.length > 0 && table(["Field", "Type", "Always", "What"], rows);
}

function table(heads, rows) {
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, ...rows)));
}

/** Whether a service calls the operation, with its credential. */
const isOfServices = (operation) => operation.security?.some((way) => "service" in way);

function curl(method, path, operation) {
  const parts = ["curl -i"];
  if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  if (isOfServices(operation)) parts.push("-u 'SERVICE_ID:SECRET'");
  else if (operation.security) parts.push("-H 'authorization: Bearer ACCESS_TOKEN'");
  const form = operation.requestBody?.content?.["application/x-www-form-urlencoded"]?.schema;
  if (form) parts.push(...Object.keys(resolve(form).properties).map((name) => `-d '${name}=…'`));
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  if (body) parts.push("-H 'content-type: application/json'", `-d '${JSON.stringify(example(body))}'`);
  return [...parts, `${location.origin}${path}`].join(" \\\n  ");
}

function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const schema = Object.values(response.content ?? {})[0]?.schema;
    const name = schema?.$ref?.split("/").pop();
    return h("tr", {}, h("td", {}, status), h("td", {}, ...plain(response.description)), h("td", {}, name ?? ""));
  });
  return table(["Status", "What", "Body"], rows);
}

/** The body of the response to a request that succeeded; null where it has none. */
function success(operation) {
  const [, response] = Object.entries(operation.responses).find(([status]) => status.startsWith("2")) ?? [];
  const schema = response?.content?.["application/json"]?.schema;
  return schema ? JSON.stringify(example(schema), null, 2) : null;
}

/** Text with its `code` parts as elements. */
function plain(text) {
  return (text ?? "").split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

function operationOf(method, path, operation) {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const parameters = (operation.parameters ?? []).map((parameter) =>
    h("tr", {}, h("td", {}, h("code", {}, parameter.name)), h("td", {}, parameter.in), h("td", {}, kind(parameter.schema)), h("td", {}, parameter.description ?? "")),
  );
  const returned = success(operation);
  return h(
    "details",
    { id: operation.operationId, class: "operation" },
    h("summary", {}, h("code", {}, `${method.toUpperCase()} ${path}`), " ", h("small", {}, operation.summary ?? "")),
    operation.description && h("p", {}, ...plain(operation.description)),
    operation.security && h("p", {}, "Wants ", h("code", {}, isOfServices(operation) ? "authorization: Basic …" : "authorization: Bearer …"), "."),
    parameters.length > 0 && h("h3", {}, "Parameters"),
    parameters.length > 0 && table(["Name", "In", "Type", "What"], parameters),
    body && h("h3", {}, "Body"),
    body && fields(body),
    h("h3", {}, "Responses"),
    answers(operation),
    h("h3", {}, "Try it"),
    h("pre", { tabindex: "0" }, curl(method, path, operation)),
    returned && h("h3", {}, "Example of a response"),
    returned && h("pre", { tabindex: "0" }, returned),
    h("p", {}, h("a", { href: `#${operation.operationId}` }, "Link to this operation")),
  );
}

function page() {
  const groups = new Map(api.tags.map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods.filter((name) => item[name])) {
      groups.get(item[method].tags[0]).push(operationOf(method, path, item[method]));
    }
  }
  const sections = [...groups].map(([tag, operations]) => group(tag, operations));
  const shapes = Object.entries(api.components.schemas)
    .map(([name, schema]) => [name, fields(schema)])
    .filter(([, rows]) => rows)
    .map(([name, rows]) => h("details", { id: `schema-${name}` }, h("summary", {}, h("code", {}, name)), rows));
  return [search(sections), ...sections, group("Shapes", shapes)];
}

/** Operations of one kind, under a heading that can be linked to. */
function group(name, parts) {
  const id = `group-${name.toLowerCase()}`;
  document.getElementById("contents").append(h("li", {}, h("a", { href: `#${id}` }, name)));
  return h("section", {}, h("h2", { id }, h("a", { href: `#${id}` }, name)), ...parts);
}

/** A field that leaves the operations in which each of its words occurs. */
function search(sections) {
  const status = h("p", { role: "status", class: "hint" });
  const input = h("input", { id: "search", name: "search", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "login, subscriptions, 409 …", oninput: show });
  const operations = sections.flatMap((section) => [...section.querySelectorAll(".operation")]);
  const texts = new Map(operations.map((operation) => [operation, operation.textContent.toLowerCase()]));

  function show() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = operations.filter((operation) => {
      operation.hidden = !words.every((word) => texts.get(operation).includes(word));
      return !operation.hidden;
    });
    for (const section of sections) section.hidden = section.querySelector(".operation:not([hidden])") === null;
    status.textContent = words.length > 0 ? `${found.length} of ${operations.length} operations` : "";
  }

  return h("div", { class: "search" }, h("label", { for: "search" }, "Search the operations"), input, status);
}

/** Opens what the address names. */
function openAsked() {
  const asked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (asked?.tagName === "DETAILS") asked.open = true;
  asked?.scrollIntoView();
}

const place = document.getElementById("operations");
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`status ${response.status}`);
  api = await response.json();
  document.getElementById("title").textContent = `${api.info.title} API ${api.info.version}`;
  place.replaceChildren(...page());
  if (location.hash) openAsked();
  addEventListener("hashchange", openAsked);
} catch (problem) {
  place.replaceChildren(h("p", { role: "alert" }, `The document could not be read: ${problem.message} Reload the page.`));
}
