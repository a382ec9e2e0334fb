/**
 * The inspector: a page over the log of a host, mounted on its router.
 *
 * It shows what the host's own code makes of the log: states by `evolve`, rows by `apply`, stored
 * events by the codec and its upcasters. It changes nothing but what a caller with the permission
 * `operate` asks of a read model. See `InspectorApi` for the rights that it needs.
 *
 * @since 0.1.0
 */
import { Authentication, CurrentCaller, Permission } from "@daybook/http/Authenticator"
import type { Platform } from "@daybook/http/Host"
import { unavailable } from "@daybook/http/Problem"
import { RequestGuard } from "@daybook/http/RequestGuard"
import type * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as RcRef from "effect/RcRef"
import * as Semaphore from "effect/Semaphore"
import type { About } from "./Answer.ts"
import { InspectorApi } from "./InspectorApi.ts"
import * as Assets from "./internal/assets.ts"
import * as Catalogue from "./internal/catalogue.ts"
import * as EventCatalog from "./internal/eventCatalog.ts"
import * as FoldedTables from "./internal/foldedTables.ts"
import * as GroupHandlers from "./internal/groupHandlers.ts"
import * as LagSamples from "./internal/lagSamples.ts"
import * as LogHandlers from "./internal/logHandlers.ts"
import * as OperationHandlers from "./internal/operationHandlers.ts"
import * as ReadModelHandlers from "./internal/readModelHandlers.ts"
import * as Rebuilds from "./internal/rebuilds.ts"
import { grants } from "./internal/rights.ts"
import * as StreamHandlers from "./internal/streamHandlers.ts"
import * as StreamIndex from "./internal/streamIndex.ts"
import * as Tar from "./internal/tar.ts"
import type { Presented } from "./Presenter.ts"

/**
 * The path of an inspector, and the aggregates and read models that it shows.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  /** The name of the host at the head of the page. */
  readonly title: string
  /** The aggregates of the host, each with its presenter: see `Presenter.make`. */
  readonly aggregates: ReadonlyArray<Presented>
  /** The read models of the host, those of its `Projections`. */
  readonly projections: ReadonlyArray<Projection.Any>
  /** The path of the page, such as `/inspector`, which is the default. */
  readonly path?: string
  /**
   * The bounds of one fold on demand, such as of a table as of an instant: 500,000 events and 20
   * seconds when absent.
   */
  readonly bounds?: { readonly maxEvents: number; readonly maxMillis: number }
}

type Needs =
  | EventStore
  | CommandHandler
  | ReadModelStore
  | Projections
  | HttpRouter.HttpRouter
  | Platform

/**
 * Mounts the inspector on a router, for callers whom the host's `Authenticator` knows.
 *
 * **Details**
 * Consumer groups are shown, reactors among them, if the host also provides `ConsumerGroups`.
 * The page itself asks for no credential, and has no data; every request for data has the
 * credential that a person gave to the page.
 * A host that is not searched holds no index of streams; one that is holds up to 250,000 streams in
 * memory, for five minutes after the last look.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, never, Needs | Authentication> =>
  mounted(options, InspectorApi.middleware(Authentication))

/**
 * Mounts the inspector for everyone who reaches the host: they may see and do everything. For hosts
 * on loopback, as `NodeHost` makes them without `Authentication`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerUnprotected = (options: Options): Layer.Layer<never, never, Needs> =>
  // Without the middleware nothing requires it.
  mounted(options, InspectorApi) as Layer.Layer<never, never, Needs>

const DEFAULT_BOUNDS = { maxEvents: 500_000, maxMillis: 20_000 }
/** The rows that are explained at once, for all callers. */
const ROWS_AT_ONCE = 2

const INDEX_IDLE = "5 minutes"
const SAMPLES_IDLE = "1 hour"

const PATH = /^(?:\/[A-Za-z0-9_-]+)+$/

const mounted = (
  { aggregates, bounds = DEFAULT_BOUNDS, path = "/inspector", projections: models, title }: Options,
  protectedApi: unknown
): Layer.Layer<never, never, Needs | Authentication> => {
  if (!PATH.test(path)) throw new Error(`not a path for the inspector: ${path}`)
  // The middleware and the prefix change the paths and the errors of endpoints, and no handler.
  const at = path as `/${string}`
  const api = (protectedApi as typeof InspectorApi).prefix(at) as unknown as typeof InspectorApi
  const presented = new Map<string, Presented>(aggregates.map((one) => [one.category, one]))
  const byName = new Map(models.map((one) => [one.name as string, one]))

  const about = HttpApiBuilder.group(api, "about", (handlers) =>
    Effect.map(EventStore, (store) =>
      handlers.handle("about", () =>
        Effect.gen(function* () {
          const caller = yield* CurrentCaller
          const answer: About = {
            title,
            log: yield* store.identity,
            head: yield* store.head,
            now: yield* DateTime.now,
            ...(caller === undefined ? {} : { actor: caller.actor }),
            permissions: Permission.literals.filter((permission) => grants(caller, permission)),
            showsEvents: grants(caller, "log"),
            showsRows: grants(caller, "read"),
            aggregates: aggregates.map(({ category, figureHead, lists }) => ({
              category,
              ...(figureHead === undefined ? {} : { figure: figureHead }),
              lists
            })),
            readModels: models.map(({ name }) => name)
          }
          return answer
        }).pipe(Effect.catchTag("EventStoreError", unavailable))
      )
    )
  )

  const streams = HttpApiBuilder.group(api, "streams", (handlers) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const index = yield* RcRef.make({
        acquire: StreamIndex.make(store),
        idleTimeToLive: INDEX_IDLE
      })
      return handlers.handleAll(
        StreamHandlers.make({
          store,
          handler: yield* CommandHandler,
          presented,
          index: RcRef.get(index)
        })
      )
    })
  )

  const readModels = HttpApiBuilder.group(api, "readModels", (handlers) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const rows = yield* ReadModelStore
      return handlers.handleAll(
        ReadModelHandlers.make({
          store,
          rows,
          projections: yield* Projections,
          models: byName,
          presented,
          tables: yield* FoldedTables.make(store, rows, byName, bounds),
          folds: yield* Semaphore.make(ROWS_AT_ONCE),
          bounds
        })
      )
    })
  )

  const log = HttpApiBuilder.group(api, "log", (handlers) =>
    Effect.gen(function* () {
      const made = yield* LogHandlers.make({ store: yield* EventStore, presented })
      return handlers.handleAll(made)
    })
  )

  const operation = HttpApiBuilder.group(api, "operation", (handlers) =>
    Effect.gen(function* () {
      const projections = yield* Projections
      const groups = yield* Effect.serviceOption(ConsumerGroups)
      const samples = yield* RcRef.make({
        acquire: LagSamples.make(projections, groups),
        idleTimeToLive: SAMPLES_IDLE
      })
      const rebuilds = yield* Rebuilds.make
      return handlers.handleAll({
        ...OperationHandlers.make({
          store: yield* EventStore,
          projections,
          groups,
          samples: RcRef.get(samples),
          rebuilds: rebuilds(projections)
        }),
        ...GroupHandlers.make(groups)
      })
    })
  )

  const catalogue = HttpApiBuilder.group(api, "catalogue", (handlers) => {
    const types = Catalogue.make(aggregates, models)
    return handlers
      .handle("types", () => Effect.succeed(types))
      .handle("export", () =>
        Effect.map(DateTime.now, (now) =>
          Tar.write(EventCatalog.files(types), DateTime.toEpochMillis(now))
        )
      )
  })

  return Layer.merge(
    HttpApiBuilder.layer(api).pipe(
      Layer.provide(Layer.mergeAll(about, streams, readModels, log, operation, catalogue)),
      Layer.provide(RequestGuard.layer)
    ),
    Assets.layer(at)
  )
}
