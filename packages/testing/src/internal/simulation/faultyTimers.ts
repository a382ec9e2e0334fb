/**
 * Wraps the timers of processes with the connection of a host, which loses calls.
 */
import { ProcessTimers, ProcessTimersError } from "@daybook/reactors/ProcessTimers"
import * as Effect from "effect/Effect"
import type { Connection } from "./connection.ts"
import { LOST } from "./lost.ts"

type Timers = ProcessTimers["Service"]

/** `isOver` becomes true at the end of a history: then no further timer is due. */
export const make = (timers: Timers, { call, change }: Connection, isOver: () => boolean): Timers =>
  ProcessTimers.of({
    now: call(timers.now),
    // In the transaction of the caller, which the groups lose as a whole.
    apply: timers.apply,
    next: (process, range, limit) =>
      Effect.suspend(() =>
        isOver() ? Effect.succeed([]) : call(timers.next(process, range, limit))
      ),
    remove: (process, of) =>
      change(
        { unsent: "groups-unsent", unacknowledged: "groups-unacknowledged" },
        timers.remove(process, of),
        Effect.suspend(() =>
          Effect.fail(new ProcessTimersError({ operation: "remove", cause: LOST }))
        )
      ),
    status: (process) => call(timers.status(process))
  })
