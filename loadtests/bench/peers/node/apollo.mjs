// Apollo Server with the hand-written resolvers.

import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { PORT, ready, resolvers, typeDefs } from "./graph.mjs";

const server = new ApolloServer({ typeDefs, resolvers, introspection: false });
await startStandaloneServer(server, { listen: { host: "127.0.0.1", port: PORT } });
ready();
