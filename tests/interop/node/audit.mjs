// Runs the GraphQL over HTTP audits of graphql-http against a URL: one line of JSON an audit, exit code 1 if one is not ok.
//
//   node audit.mjs http://127.0.0.1:8080/graphql
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);
let failed = 0;
for (const audit of serverAudits({ url })) {
  const { id, name, status, reason } = await audit.fn();
  failed += status === "ok" ? 0 : 1;
  process.stdout.write(JSON.stringify({ id, name, status, reason: reason ?? "" }) + "\n");
}
process.exit(failed ? 1 : 0);
