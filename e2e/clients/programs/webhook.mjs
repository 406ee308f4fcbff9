// Verifies messages, of which each line of the standard input is one, as their receiver would:
// with the library of Standard Webhooks, unmodified. It prints what was in them, or what was thrown.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
const { Webhook } = createRequire(process.cwd() + "/")("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ got: new Webhook(secret).verify(body, headers) }));
  } catch (e) {
    console.log(JSON.stringify({ error: e.constructor.name }));
  }
}
