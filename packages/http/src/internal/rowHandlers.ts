/**
 * The handlers of the endpoint of a read model.
 */
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Behind, malformed, passing, Stopped, unavailable, Unknown } from "../Problem.ts"
import * as Cursor from "./cursor.ts"
import { whereOf } from "./filters.ts"
import type { Handlers } from "./implement.ts"

const DEFAULT_ROWS = 50
const DEFAULT_WAIT_SECONDS = 5

interface Request {
  readonly headers: { readonly prefer?: string }
  readonly query: {
    readonly order?: ReadonlyArray<string>
    readonly cursor?: string
    readonly limit?: number
    readonly after?: Position.Position
  }
}

export const make = <Event, Key extends object, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>,
  filtered: ReadonlyArray<string>,
  maxWaitSeconds: number
): Effect.Effect<Handlers, never, Projections | ReadModelStore> =>
  Effect.gen(function* () {
    const projections = yield* Projections
    const store = yield* ReadModelStore
    const cursors = Cursor.make(projection)
    const fields = new Set(filtered)

    const rows = Effect.fnUntraced(function* ({ headers: { prefer }, query }: Request) {
      const { after, cursor, limit = DEFAULT_ROWS, order = [] } = query
      const afterFields =
        cursor === undefined
          ? undefined
          : yield* Effect.mapError(Effect.fromResult(cursors.fields(cursor, order)), (issue) =>
              malformed(["query", "cursor"], issue)
            )
      yield* waitUntil(after, waitOf(prefer))
      // The parameters are decoded by schemas of the fields of the row.
      const asked = {
        where: whereOf(query, fields),
        orderBy: order.map((field) =>
          field.startsWith("-") ? { descending: field.slice(1) } : field
        ),
        // One more tells whether there is a next page.
        limit: limit + 1,
        ...(afterFields === undefined ? {} : { afterFields })
      } as object as ReadModel.Query<Row>
      const found = yield* Stream.runCollect(ReadModel.query(projection, asked)).pipe(
        Effect.provideService(ReadModelStore, store),
        Effect.catchTags({
          InvalidProjection: (error) => Effect.die(error),
          InvalidQuery: ({ field, issue }) => Effect.fail(malformed(["query", field], issue)),
          UnreadableRow: ({ message }) =>
            Effect.andThen(Effect.logWarning(message), passing(new Stopped())),
          ReadModelStoreError: unavailable
        })
      )
      const page = found.slice(0, limit)
      const last = page.at(-1)
      if (last === undefined || found.length <= limit) return { rows: page }
      const next = cursors.after(last, order)
      // The page would have no next one for its client: the host's log tells of it.
      if (next.length > Cursor.MAX_LENGTH) {
        return yield* Effect.die(
          new Error(`The order of ${projection.name} is too long for a cursor`)
        )
      }
      return { rows: page, next }
    })

    /** Waits for a position, or for the head if the request prefers to wait and names none. */
    const waitUntil = Effect.fnUntraced(
      function* (after: Position.Position | undefined, seconds: number | undefined) {
        if (after === undefined && seconds === undefined) return
        const { name } = projection
        const position = after ?? (yield* projections.status(name)).head
        yield* projections.waitFor(
          name,
          position,
          Duration.seconds(Math.min(seconds ?? DEFAULT_WAIT_SECONDS, maxWaitSeconds))
        )
      },
      Effect.catchTags({
        UnknownProjection: () => Effect.fail(new Unknown()),
        WaitTimedOut: ({ position, reached }) => passing(new Behind({ position, reached })),
        ProjectionStopped: () => passing(new Stopped()),
        HistoryChanged: () => passing(new Stopped()),
        EventStoreError: unavailable,
        ReadModelStoreError: unavailable
      })
    )

    return { rows }
  })

/** Returns the seconds of `Prefer: wait=5`; other preferences may be left aside (RFC 7240). */
const waitOf = (prefer: string | undefined): number | undefined => {
  const [, seconds] = /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(prefer ?? "") ?? []
  if (seconds !== undefined) return Number(seconds)
  return /(?:^|,)\s*wait\s*(?:[,;]|$)/i.test(prefer ?? "") ? DEFAULT_WAIT_SECONDS : undefined
}
