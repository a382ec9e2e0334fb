/**
 * The next step for an operator after an error that prevented a host from starting.
 */
import * as Predicate from "effect/Predicate"
import type { UrlPart } from "../../PostgresStart.ts"
import { type Chain, tagOf } from "./chain.ts"

/** Returns the first known step, from the innermost error to the outermost. */
export const nextStep = (chain: Chain): string | undefined => {
  for (const error of chain.toReversed()) {
    const next = byTag(error) ?? byCode(error) ?? byMessage(error)
    if (next !== undefined) return next
  }
  return undefined
}

const RUN_MIGRATIONS = "run PostgresMigrations, and ReadModelMigrations if there are read models"

const folders: Record<string, string> = {
  InUse: "stop that process, or choose another folder",
  NotOwned: "run as the user whose folder it is, or choose another folder",
  OpenToOthers: "close it to others (chmod 700), or choose a folder that holds nothing else"
}

const PARAMETERS = "correct its parameters, as the guide on connecting to PostgreSQL lists them"

const ofParameters: ReadonlySet<string> = new Set<UrlPart>([
  "unknown parameter",
  "unsupported parameter",
  "unsupported value",
  "repeated parameter",
  "path",
  "weak sslmode",
  "half a certificate"
])

const byTag = (error: unknown): string | undefined => {
  const tag = tagOf(error)
  if (tag === "NotMigrated" && Predicate.hasProperty(error, "migrations")) {
    return `run ${String(error.migrations)}`
  }
  if (tag === "MissingPeer" && Predicate.hasProperty(error, "peer")) {
    return `npm install ${String(error.peer)}`
  }
  if (tag === "EmbeddedPostgresError" && Predicate.hasProperty(error, "reason")) {
    return (
      folders[tagOf(error.reason) ?? ""] ??
      "give a folder that this user may write and that holds nothing else"
    )
  }
  if (tag === "InvalidDatabaseUrl" && Predicate.hasProperty(error, "part")) {
    return ofParameters.has(String(error.part)) ? PARAMETERS : WRITE_URL
  }
  return tag === undefined ? undefined : steps[tag]
}

const WRITE_URL =
  "write it as postgres://user:password@host:port/database, with %23 for #, %40 for @, %2F for / and %3F for ? in its parts"

const steps: Record<string, string> = {
  CertificateUnusable: "correct the file, its path or its rights",
  PoolerForgetsStatements: "set DATABASE_PREPARE=false, or let the pooler keep track of statements",
  NotPermitted: "run PostgresRoles, or grant it USAGE of the schema, or connect as another role",
  InRecovery: "connect to the primary",
  NoPrimary: "start or promote one of them, or correct the hosts in the URL",
  ConfigError: "set it, or correct it",
  ExcessPrivileges: "revoke these privileges, and run PostgresRoles again",
  PartitioningRefused: "see the guide on partitions",
  DefinitionChanged: "give the projection a new version",
  InvalidProjection: "correct its definition",
  ForeignRelation: "rename that relation, or the read model",
  UnprotectedHost: "put Authentication on the API, or listen on 127.0.0.1",
  PostgresServerError: "see the message of the server"
}

const byCode = (error: unknown): string | undefined => {
  if (!Predicate.hasProperty(error, "code") || typeof error.code !== "string") return undefined
  const message = error instanceof Error ? error.message : ""
  return byText(error.code, message) ?? codes[error.code]
}

/** Returns the step for codes that several faults share, by the message. */
const byText = (code: string, message: string): string | undefined => {
  if (code === "28000" && message.includes("no encryption")) {
    return "add sslmode=require to the URL: the server refuses connections without TLS"
  }
  if (code === "28000" && message.includes("pg_hba.conf")) {
    return "allow this host, user and database in the server's pg_hba.conf"
  }
  if ((code === "28000" || code === "28P01") && message.includes("does not exist")) {
    return "create the role, or correct the user in the URL"
  }
  if (code === "08P01" && /database .* does not exist|no such database/.test(message)) {
    return codes["3D000"]
  }
  if (code === "08P01" && message.includes("unsupported startup parameter")) {
    return "name it in the pooler's ignore_startup_parameters, or leave it out of the URL"
  }
  return undefined
}

const REACH = "start the server, or correct host and port in the URL"
const NAME = "correct the host in the URL, or the name server"
const NETWORK = "look at the network and firewalls between the host and the server"
const CERTIFICATE =
  "let the host trust the server's certificate (sslrootcert), or connect by the name in it"
const ROLES =
  "run PostgresRoles, or connect as a role that may; migrations run as the owner of the log"

const codes: Record<string, string> = {
  ECONNREFUSED: REACH,
  ENOTFOUND: NAME,
  EAI_AGAIN: NAME,
  ETIMEDOUT: NETWORK,
  EHOSTUNREACH: NETWORK,
  ENETUNREACH: NETWORK,
  ECONNRESET: "see the server's log: it ended the connection",
  EPIPE: "see the server's log: it ended the connection",
  EACCES: "give this user the right to it",
  EPERM: "give this user the right to it",
  ENOENT: "create it, or correct the path",
  EADDRINUSE: "stop the process that listens there, or choose another port",
  EADDRNOTAVAIL: "choose an address of this machine",
  ENOSPC: "free space on that disk",
  EROFS: "choose a folder that can be written",
  ERR_INVALID_URL: WRITE_URL,
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
  CERT_HAS_EXPIRED: "renew the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: CERTIFICATE,
  "28P01": "correct the password in the URL",
  "28000": "correct the user in the URL, or let it log in",
  "3D000": "create the database (CREATE DATABASE), or correct its name in the URL",
  "3F000": RUN_MIGRATIONS,
  "42P01": RUN_MIGRATIONS,
  "42883": RUN_MIGRATIONS,
  "42501": ROLES,
  "42P05": "set DATABASE_PREPARE=false: a pooler loses prepared statements",
  "26000": "set DATABASE_PREPARE=false: a pooler loses prepared statements",
  "53300":
    "lower DATABASE_MAX_CONNECTIONS of the hosts, raise max_connections of the server, or put a pooler between",
  "53100": "free space on the server's disk",
  "53200": "raise max_locks_per_transaction or the memory of the server, as its message says",
  "57P03": "wait until the server is up, and start again",
  "57P01": "wait until the server is up, and start again",
  "57P02": "wait until the server is up, and start again",
  "25006": "connect to the primary: this database is read-only",
  "22021": "create the database again with ENCODING 'UTF8'",
  "22P05": "create the database again with ENCODING 'UTF8'",
  "55P03": "wait until the holder of the lock has ended, and start again",
  "08P01": "see the pooler's log and limits"
}

/** Returns the step for errors of the client, which have no code. */
const byMessage = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  return messages.find(([part]) => error.message.includes(part))?.[1]
}

const messages: ReadonlyArray<readonly [part: string, next: string]> = [
  ["Connection timed out", NETWORK],
  ["Connection closed unexpectedly", "see the server's log: it ended the connection"],
  [
    "The server does not support TLS",
    "turn TLS on in the server, or add sslmode=disable to the URL if the network is trusted"
  ],
  ["provider of the password failed", "see why: the password is asked for at each connection"],
  ["requested password authentication", "add the password to the URL"],
  ["No username configured", "add the user to the URL"],
  ["Invalid connection URL", codes["ERR_INVALID_URL"] ?? ""],
  ["the log is read from the primary", "connect to the primary"]
]
