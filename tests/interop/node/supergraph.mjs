// node supergraph.mjs < REQUEST: composes subgraphs as a province would, and plans queries as its router would.
//
//   {"subgraphs": [{"name": "tongban", "url": "https://...", "text": "extend schema ..."}], "queries": ["{ ... }"]}
//   {"errors": ["SATISFIABILITY_ERROR"]}
//   {"supergraph": "schema @link ...", "hints": [], "plans": [[{"subgraph": "tongban", "operation": "{ ... }"}]]}
import { readFileSync } from "node:fs";
import { composeServices } from "@apollo/composition";
import { ROUTER_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph, operationFromDocument } from "@apollo/federation-internals";
import { QueryPlanner } from "@apollo/query-planner";
import { parse } from "graphql";

const { subgraphs, queries } = JSON.parse(readFileSync(0, "utf8"));
const composed = composeServices(subgraphs.map(({ name, url, text }) => ({ name, url, typeDefs: parse(text) })));
process.stdout.write(JSON.stringify(composed.errors?.length ? refused(composed.errors) : made(composed)));

function refused(errors) {
  return { errors: [...new Set(errors.map((error) => error.extensions.code))] };
}

function made({ supergraphSdl, hints }) {
  const supergraph = Supergraph.build(supergraphSdl, { supportedFeatures: ROUTER_SUPPORTED_SUPERGRAPH_FEATURES });
  const planner = new QueryPlanner(supergraph);
  const plans = queries.map((text) => {
    const plan = planner.buildQueryPlan(operationFromDocument(supergraph.apiSchema(), parse(text)));
    return fetches(plan.node);
  });
  return { supergraph: supergraphSdl, hints: (hints ?? []).map((hint) => hint.definition.code), plans };
}

function fetches(node) {
  if (!node) return [];
  if (node.kind === "Fetch") return [{ subgraph: node.serviceName, operation: node.operation }];
  return (node.nodes ?? [node.node]).flatMap(fetches);
}
