// A client of TypeScript, typed by the document (openapi-typescript): signs in and reads lists.
// client.js BASE EMAIL PASSWORD: the address of a running stack and its admin.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

const [base, email, password] = process.argv.slice(2);
assert(base && email && password);
const anonymous = createClient<paths>({ baseUrl: base });

const { data: tokens, error } = await anonymous.POST("/login", { body: { email, password } });
assert(tokens, error?.code);
const admin = createClient<paths>({ baseUrl: base, headers: { authorization: `Bearer ${tokens.access_token}` } });

const users = await admin.GET("/admin/users", { params: { query: { limit: 1, is_active: true } } });
assert(users.data, users.error?.code);
const first: components["schemas"]["User"] | undefined = users.data.items[0];
assert.equal(first?.email, email);
assert.equal(users.data.next_cursor, null);

const plans = await anonymous.GET("/billing/plans");
assert.deepEqual(plans.data?.items.map((plan) => plan.code), ["free", "pro", "team"]);

// An error is a problem, with its code.
const refused = await anonymous.GET("/me");
assert.equal(refused.response.status, 401);
assert.equal(refused.error?.code, "unauthenticated");

// A body that is optional can be left out.
const left = await admin.POST("/deactivate");
assert.equal(left.error?.code, "last_admin");
console.log("client.ts: signed in, lists read");
