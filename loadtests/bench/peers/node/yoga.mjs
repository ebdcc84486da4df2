// GraphQL Yoga with the hand-written resolvers.

import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { PORT, ready, resolvers, typeDefs } from "./graph.mjs";

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), graphiql: false, landingPage: false, logging: false });
createServer(yoga).listen(PORT, "127.0.0.1", ready);
