// @neo4j/graphql behind Apollo Server: its own schema over the same graph, so its documents have its own form.

import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { Neo4jGraphQL } from "@neo4j/graphql";
import { DATABASE, PORT, driver, ready } from "./graph.mjs";

const typeDefs = /* GraphQL */ `
  type Holder @node {
    key: ID!
    licenses: [License!]! @relationship(type: "HELD_BY", direction: IN)
  }
  type License @node {
    certificateIdentifier: ID!
    status: String!
    certificateIssuedDate: String!
    type: [LicenseType!]! @relationship(type: "OF_TYPE", direction: OUT)
    issuedBy: [Authority!]! @relationship(type: "ISSUED_BY", direction: OUT)
  }
  type LicenseType @node {
    name: String!
  }
  type Authority @node {
    name: String!
    jurisdiction: [Jurisdiction!]! @relationship(type: "OF", direction: OUT)
  }
  type Jurisdiction @node {
    code: ID!
    name: String!
  }
`;

const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const context = async () => ({
  executionContext: driver,
  sessionConfig: { database: DATABASE },
  cypherQueryOptions: { addVersionPrefix: false }, // the embedded engine refuses the prefix
});
const server = new ApolloServer({ schema, introspection: false });
await startStandaloneServer(server, { context, listen: { host: "127.0.0.1", port: PORT } });
ready();
