// The served OpenAPI document against the schema of OpenAPI 3.1.

import { Validator } from "@seriousme/openapi-schema-validator";

const [base] = process.argv.slice(2);
const document = await (await fetch(`${base}/openapi.json`)).json();
const validator = new Validator();
const { valid, errors } = await validator.validate(document);
if (!valid || validator.version !== "3.1") {
  console.error(validator.version, JSON.stringify(errors, null, 2));
  process.exit(1);
}
console.log(`openapi: ${Object.keys(document.paths).length} paths hold`);
