/**
 * Wraps the read-model store of a host with a connection that loses calls.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import * as Effect from "effect/Effect"
import type { Connection } from "./connection.ts"
import { LOST } from "./lost.ts"

type Rows = ReadModelStore["Service"]

export const make = (rows: Rows, { call, change, repeated }: Connection): Rows => {
  const lost = (operation: string) =>
    Effect.suspend(() => Effect.fail(new ReadModelStoreError({ operation, cause: LOST })))
  const now = { unsent: "rows-unsent", unacknowledged: "rows-unacknowledged" } as const
  const sometime = { ...now, late: "rows-late" } as const
  const changed =
    (faults: typeof now | typeof sometime) =>
    <A, E>(operation: string, effect: Effect.Effect<A, E | ReadModelStoreError>) =>
      change(faults, effect, lost(operation))
  const atOnce = changed(now)
  const orLater = changed(sometime)
  return ReadModelStore.of({
    open: (table, options) => atOnce("open", rows.open(table, options)),
    beginShadow: (table, options) => orLater("beginShadow", rows.beginShadow(table, options)),
    claim: (of, owner, lease, despite) => orLater("claim", rows.claim(of, owner, lease, despite)),
    renew: (renewals) => orLater("renew", rows.renew(renewals)),
    release: (claim) => orLater("release", rows.release(claim)),
    load: (table, claim, step) => atOnce("load", rows.load(table, claim, step)),
    advance: (table, claim, step) => orLater("advance", rows.advance(table, claim, step)),
    restart: (claim, log) => orLater("restart", rows.restart(claim, log)),
    mark: (markings) => orLater("mark", rows.mark(markings)),
    stop: (claim, poison) => orLater("stop", rows.stop(claim, poison)),
    pause: (name, why) => atOnce("pause", rows.pause(name, why)),
    resume: (name, why) => atOnce("resume", rows.resume(name, why)),
    skip: (skipped, options) => orLater("skip", rows.skip(skipped, options)),
    skipped: (name) => call(rows.skipped(name)),
    acts: (name) => call(rows.acts(name)),
    states: (...names) => atOnce("states", rows.states(...names)),
    get: (table, key) => call(rows.get(table, key)),
    query: (table, query, generation) => rows.query(table, query, generation),
    // It runs in a transaction of the host, which ends with the host.
    promote: (table, claim, options) => atOnce("promote", rows.promote(table, claim, options)),
    drop: (name, generation, why) => orLater("drop", rows.drop(name, generation, why)),
    inline: (append) => change(APPEND, repeated(rows.inline(append)), lost("inline")),
    makeInline: (claim, catchUp) => atOnce("makeInline", rows.makeInline(claim, catchUp)),
    makeAsync: (name, settled) => orLater("makeAsync", rows.makeAsync(name, settled))
  })
}

/**
 * Treats an append with its inline rows as an append: its transaction fails, arrives late or
 * arrives twice as one.
 */
const APPEND = {
  unsent: "append-unsent",
  unacknowledged: "append-unacknowledged",
  late: "append-late"
} as const
