// What the hand-written servers share: a part of the product's schema, its graph, and one statement a root field.
//
// BOLT_URI, BOLT_USER, BOLT_PASSWORD, BOLT_DATABASE: the graph. HOLDER_KEY: the alliance's secret, hex. PORT: to listen on.

import { createHmac } from "node:crypto";
import neo4j from "neo4j-driver";

const env = process.env;

export const PORT = Number(env.PORT);
export const DATABASE = env.BOLT_DATABASE;

export const driver = neo4j.driver(env.BOLT_URI, neo4j.auth.basic(env.BOLT_USER, env.BOLT_PASSWORD), {
  maxConnectionPoolSize: 100,
  disableLosslessIntegers: true,
  telemetryDisabled: true,
});

export const typeDefs = /* GraphQL */ `
  scalar CatalogueCode
  scalar Date
  scalar DateTime
  scalar Digest
  scalar HolderCode
  scalar HolderTypeCode
  scalar JurisdictionLevel
  scalar LicenseIdentifier
  scalar LicenseStatus
  scalar LogNumber
  scalar StatementId
  scalar UseCause

  type Query {
    licenses(holder: HolderInput!, useCause: UseCause!, basis: ReadBasis, first: Int! = 20): LicenseConnection
    matter(code: CatalogueCode!): Matter
  }
  input HolderInput {
    certificateHolderTypeCode: HolderTypeCode!
    certificateHolderCode: HolderCode!
  }
  input ReadBasis {
    consent: StatementId
  }
  type LicenseConnection {
    edges: [LicenseEdge!]!
    pageInfo: PageInfo!
  }
  type LicenseEdge {
    node: License!
  }
  type PageInfo {
    hasNextPage: Boolean!
  }
  type License {
    certificateIdentifier: LicenseIdentifier!
    logIndex: LogNumber!
    leafHash: Digest!
    status: LicenseStatus!
    statusReason: String
    certificateIssuedDate: Date!
    certificateEffectiveDate: Date
    certificateExpiringDate: Date
    sealedAt: DateTime!
    sealedBy: CatalogueCode!
    type: LicenseType
    issuedBy: Authority
  }
  type LicenseType {
    code: CatalogueCode!
    name: String!
    definerName: String
    holderCategory: String
    validityYears: Int
  }
  type Authority {
    code: CatalogueCode!
    name: String!
    jurisdiction: Jurisdiction!
  }
  type Jurisdiction {
    code: CatalogueCode!
    name: String!
    level: JurisdictionLevel!
    within: Jurisdiction
  }
  type Matter {
    code: CatalogueCode!
    name: String!
    type: String!
    mode: String!
    offerings: [Offering!]!
  }
  type Offering {
    code: CatalogueCode!
    statutoryDays: Int
    promisedDays: Int
    county: Jurisdiction
    materials: [Material!]!
  }
  type Material {
    code: CatalogueCode!
    name: String!
    order: Int
    need: Boolean
    kind: String!
  }
`;

const LICENSES = `MATCH (:Holder {key: $key})<-[:HELD_BY]-(l:License)
WITH l ORDER BY l.certificateIdentifier LIMIT $limit
RETURN collect(l {.certificateIdentifier, .logIndex, .leafHash, .status, .statusReason, .certificateIssuedDate,
  .certificateEffectiveDate, .certificateExpiringDate, .sealedAt, .sealedBy,
  type: head([(l)-[:OF_TYPE]->(t:LicenseType) | t {.code, .name, .definerName, .holderCategory, .validityYears}]),
  issuedBy: head([(l)-[:ISSUED_BY]->(a:Authority) | a {.code, .name,
    jurisdiction: head([(a)-[:OF]->(j:Jurisdiction) | j {.code, .name, .level,
      within: head([(j)-[:WITHIN]->(c:Jurisdiction) | c {.code, .name, .level,
        within: head([(c)-[:WITHIN]->(p:Jurisdiction) | p {.code, .name, .level}])}])}])}])}) AS found`;

const MATTER = `MATCH (m:Matter {code: $code})
RETURN m {.code, .name, .type, .mode, offerings: COLLECT {
  MATCH (m)<-[:IMPLEMENTS]-(o:Offering)
  WHERE o.planEffectiveDate <= $today AND coalesce(o.planCancelDate, $today) >= $today
    AND (o.supersededOn IS NULL OR o.supersededOn > $today)
  RETURN o {.code, .statutoryDays, .promisedDays, county: head([(o)-[:IN]->(j:Jurisdiction) | j {.code, .name, .level}]),
    materials: COLLECT {
      MATCH (o)-[r:REQUIRES]->(a:Material)
      RETURN a {.code, .name, .kind, order: r.order, need: r.need} ORDER BY a.code LIMIT 30
    }}
  ORDER BY o.code LIMIT 50
}} AS found`;

async function read(statement, parameters) {
  const session = driver.session({ database: DATABASE, defaultAccessMode: neo4j.session.READ });
  try {
    const result = await session.run(statement, parameters);
    return result.records.length ? result.records[0].get("found") : null;
  } finally {
    await session.close();
  }
}

const SECRET = Buffer.from(env.HOLDER_KEY, "hex");
const CHINA_MS = 8 * 3600 * 1000;

export async function licenses({ holder, first }) {
  const told = `${holder.certificateHolderTypeCode}\n${holder.certificateHolderCode}`;
  const key = createHmac("sha256", SECRET).update(told).digest("base64url");
  const found = await read(LICENSES, { key, limit: neo4j.int(first + 1) });
  return {
    edges: found.slice(0, first).map((node) => ({ node })),
    pageInfo: { hasNextPage: found.length > first },
  };
}

export function matter({ code }) {
  return read(MATTER, { code, today: new Date(Date.now() + CHINA_MS).toISOString().slice(0, 10) });
}

export const resolvers = {
  Query: { licenses: (_, args) => licenses(args), matter: (_, args) => matter(args) },
};

export function ready() {
  console.log("ready");
}
