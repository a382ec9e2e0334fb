/**
 * The HTTP API of the inspector, by which its page and other clients are typed. It runs in a
 * browser.
 *
 * Every endpoint requires the permission `inspect`, those that change something `operate`. Values
 * of events are shown to callers with `log`, states and rows to callers with `read`. Others get the
 * same answers without the values, unless they ask with `show=true`: the host records that with
 * their name.
 *
 * @since 0.1.0
 */
import { Requires } from "@daybook/http/Authenticator"
import {
  Busy,
  Forbidden,
  NotPossible,
  OtherHistory,
  Unauthenticated,
  Unavailable,
  Unknown
} from "@daybook/http/Problem"
import { guarded } from "@daybook/http/RequestGuard"
import { EventType } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { Category, StreamId } from "@daybook/kernel/StreamId"
import { Act } from "@daybook/projections/ReadModelAct"
import { Status } from "@daybook/projections/ProjectionStatus"
import { GroupStatus } from "@daybook/reactors/GroupStatus"
import { Act as GroupAct } from "@daybook/reactors/HeldKey"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as Answer from "./Answer.ts"
import * as StreamAnswer from "./StreamAnswer.ts"
import * as ReadModelAnswer from "./ReadModelAnswer.ts"
import * as OperationAnswer from "./OperationAnswer.ts"
import * as CatalogueAnswer from "./CatalogueAnswer.ts"

/**
 * The most streams, events, states or rows of a page.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_PAGE = 200

/**
 * The most events of an outline.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_OUTLINE = 20_000

/**
 * The most events that one search of the log reads.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_SEARCHED = 10_000

/**
 * The most steps of a row explained: the newest ones.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_STEPS = 500

const limit = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_PAGE }))
)

/** Asks for values that are withheld otherwise. */
const show = { show: Schema.optionalKey(Schema.Boolean) }

const text = (most: number) => Schema.String.check(Schema.isMaxLength(most))

const some = <S extends Schema.Constraint>(schema: S) =>
  Schema.optionalKey(Schema.Array(schema).check(Schema.isMaxLength(100)))

const stream = { streamId: StreamId }

const model = { model: text(100) }

/** The key of a row: the JSON array of the values of its primary key. */
const key = { key: text(8_000) }

/**
 * The point of the log as of which to fold a table or a row; now without a field. At most one of
 * them.
 */
const asOf = {
  position: Schema.optionalKey(Position.Position),
  recordedAt: Schema.optionalKey(Schema.DateTimeUtc),
  occurredAt: Schema.optionalKey(Schema.DateTimeUtc)
}

/** Selects events of the log; a list matches any of its values. */
const eventFilter = {
  category: some(Category),
  type: some(EventType),
  actor: some(text(200)),
  notCategory: some(Category),
  notType: some(EventType),
  notActor: some(text(200))
}

/** Those of a caller without the right come from hosts that know their callers. */
const error = [Unauthenticated, Forbidden, Unknown, NotPossible, Busy, Unavailable] as const

const about = guarded(
  HttpApiGroup.make("about").add(
    HttpApiEndpoint.get("about", "/about", { success: Answer.About, error })
  ),
  "The host, and what its caller may do"
)

const streams = guarded(
  HttpApiGroup.make("streams").add(
    HttpApiEndpoint.get("find", "/streams", {
      query: {
        /** The text to search for, see `Reading`; all streams without it. */
        q: Schema.optionalKey(text(600)),
        by: Schema.optionalKey(Schema.Literals(["change", "id", "revision"])),
        /** Only streams whose last event was recorded at or after it. */
        changedSince: Schema.optionalKey(Schema.DateTimeUtc),
        /** The number of streams on earlier pages, or the place of a bucket of the ruler. */
        offset: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
        /** Continues below a position, in the order by change or in a search of the log. */
        below: Schema.optionalKey(Position.Position),
        limit,
        ...show
      },
      success: StreamAnswer.FoundStreams,
      error
    }),
    HttpApiEndpoint.get("head", "/streams/:streamId", {
      params: stream,
      query: show,
      success: StreamAnswer.StreamHead,
      error
    }),
    HttpApiEndpoint.get("outline", "/streams/:streamId/outline", {
      params: stream,
      query: { from: Schema.optionalKey(Revision.Revision) },
      success: StreamAnswer.Outline,
      error
    }),
    HttpApiEndpoint.get("events", "/streams/:streamId/events", {
      params: stream,
      query: {
        /** The first revision; 1 without it. */
        from: Schema.optionalKey(Revision.Revision),
        limit,
        /** Adds the stored data to every line. */
        data: Schema.optionalKey(Schema.Boolean),
        ...show
      },
      success: StreamAnswer.StreamEvents,
      error
    }),
    HttpApiEndpoint.get("event", "/streams/:streamId/events/:revision", {
      params: { ...stream, revision: Revision.Revision },
      query: show,
      success: StreamAnswer.EventDetail,
      error
    }),
    HttpApiEndpoint.get("state", "/streams/:streamId/state", {
      params: stream,
      query: {
        /** At most one of the three; the newest state without one. */
        revision: Schema.optionalKey(Revision.Revision),
        recordedAt: Schema.optionalKey(Schema.DateTimeUtc),
        occurredAt: Schema.optionalKey(Schema.DateTimeUtc),
        ...show
      },
      success: Schema.Struct({ ...StreamAnswer.StateAt.fields, withheld: Schema.Boolean }),
      error
    }),
    HttpApiEndpoint.get("states", "/streams/:streamId/states", {
      params: stream,
      query: {
        /** The first revision; 0 is the state before the first event. */
        from: Schema.optionalKey(Revision.Revision),
        limit,
        ...show
      },
      success: StreamAnswer.States,
      error
    })
  ),
  "Streams, their events and states"
)

const readModels = guarded(
  HttpApiGroup.make("readModels").add(
    HttpApiEndpoint.get("list", "/read-models", {
      success: Schema.Array(ReadModelAnswer.ReadModelHead),
      error
    }),
    HttpApiEndpoint.get("rows", "/read-models/:model/rows", {
      params: model,
      query: {
        /**
         * Conditions that must all hold: a field, one of `:` `!:` `<` `<=` `>` `>=`, and a value,
         * such as `status:draft` or `itemCount>=3`; `note:null` for an absent value.
         */
        where: some(text(1_000)),
        /** The field of the order, in descending order with a `-` before it. */
        by: Schema.optionalKey(text(100)),
        cursor: Schema.optionalKey(text(12_000)),
        limit,
        ...asOf,
        ...show
      },
      success: ReadModelAnswer.Rows,
      error
    }),
    HttpApiEndpoint.get("explain", "/read-models/:model/row", {
      params: model,
      query: { ...key, ...asOf, ...show },
      success: ReadModelAnswer.ExplainedRow,
      error
    }),
    HttpApiEndpoint.get("difference", "/read-models/:model/difference", {
      params: model,
      query: {
        from: Position.Position,
        /** The position of the serving rows without it. */
        to: Schema.optionalKey(Position.Position),
        ...show
      },
      success: ReadModelAnswer.TableDifference,
      error
    })
  ),
  "Read models, their rows, and why a row says what it says"
)

/**
 * An event of the live log. A heartbeat has no data.
 *
 * @category types
 * @since 0.1.0
 */
export const LiveEvent = Schema.Union([
  Schema.Struct({
    event: Schema.Literal("recorded"),
    /** The place after the event: pass it as `Last-Event-ID`. */
    id: Schema.String,
    data: Schema.fromJsonString(Schema.toCodecJson(Answer.EventLine))
  }),
  Schema.Struct({
    event: Schema.Literal("heartbeat"),
    id: Schema.String,
    data: Schema.Literal("{}")
  })
])

/**
 * @category types
 * @since 0.1.0
 */
export type LiveEvent = typeof LiveEvent.Type

/** A place in the log as its handler parses it. */
const place = text(500)

const log = guarded(
  HttpApiGroup.make("log").add(
    HttpApiEndpoint.get("page", "/log", {
      query: {
        ...eventFilter,
        /** Only events below this position. */
        below: Schema.optionalKey(Position.Position),
        /** Only events above this position. */
        above: Schema.optionalKey(Position.Position),
        limit,
        data: Schema.optionalKey(Schema.Boolean),
        ...show
      },
      success: Answer.LogPage,
      error
    }),
    HttpApiEndpoint.get("live", "/log/live", {
      query: {
        ...eventFilter,
        /**
         * The place after which to begin: `head`, a position, or the id of an event of this stream;
         * `head` without it.
         *
         * Pass the `head` of a page of the log to begin where that page ends, and the last `id` of
         * this stream to go on after a pause of any length: the events in between come first.
         */
        after: Schema.optionalKey(place),
        data: Schema.optionalKey(Schema.Boolean),
        ...show
      },
      headers: { "last-event-id": Schema.optionalKey(place) },
      success: HttpApiSchema.StreamSse({ events: LiveEvent }),
      error: [...error, OtherHistory]
    }),
    HttpApiEndpoint.get("trail", "/log/trail", {
      query: {
        /** Events with this correlation id, this command id or this cause; at least one of them. */
        correlation: Schema.optionalKey(text(1_000)),
        command: Schema.optionalKey(text(100)),
        cause: Schema.optionalKey(text(1_000)),
        /** The position around which to search; the head without it. */
        near: Schema.optionalKey(Position.Position),
        ...show
      },
      success: Answer.Trail,
      error
    })
  ),
  "The log: earlier events, new ones as they settle, and what belongs together"
)

const Reason = text(1_000).check(Schema.isPattern(/\S/, { expected: "text that is not blank" }))

const Why = Schema.Struct({ reason: Schema.optionalKey(Reason) })

const group = { group: text(100) }

const reacting = { params: group, success: GroupStatus, error } as const

const acting = { params: model, success: Status, error } as const

const operation = guarded(
  HttpApiGroup.make("operation").add(
    HttpApiEndpoint.get("status", "/operation", {
      query: show,
      success: OperationAnswer.Operation,
      error
    }).annotate(Requires, "inspect"),
    HttpApiEndpoint.get("acts", "/operation/:model/acts", {
      params: model,
      success: Schema.Array(Act),
      error
    }).annotate(Requires, "inspect"),
    HttpApiEndpoint.post("pause", "/operation/:model/pause", { ...acting, payload: Why }).annotate(
      Requires,
      "operate"
    ),
    /** Ends a pause, and tries the event that stopped it again. */
    HttpApiEndpoint.post("resume", "/operation/:model/resume", {
      ...acting,
      payload: Why
    }).annotate(Requires, "operate"),
    HttpApiEndpoint.post("skip", "/operation/:model/skip", {
      ...acting,
      payload: Schema.Struct({ position: Position.Position, reason: Reason })
    }).annotate(Requires, "operate"),
    HttpApiEndpoint.post("rebuild", "/operation/:model/rebuild", {
      ...acting,
      payload: Schema.Struct({
        ...Why.fields,
        /** Lets the rebuilt rows serve although they differ. */
        accept: Schema.optionalKey(Schema.Boolean)
      }),
      success: OperationAnswer.Rebuild.pipe(HttpApiSchema.status(202))
    }).annotate(Requires, "operate"),
    /** Drops a generation that does not serve: gives a rebuild up, or removes old rows. */
    HttpApiEndpoint.post("drop", "/operation/:model/drop", {
      ...acting,
      payload: Schema.Struct({ ...Why.fields, generation: Schema.Int })
    }).annotate(Requires, "operate"),
    HttpApiEndpoint.get("reactorActs", "/operation/reactors/:group/acts", {
      params: group,
      success: Schema.Array(GroupAct),
      error
    }).annotate(Requires, "inspect"),
    /** Handles the event that holds a key again, and then the later ones of the key. */
    HttpApiEndpoint.post("release", "/operation/reactors/:group/release", {
      ...reacting,
      payload: Schema.Struct({
        ...Why.fields,
        /** All held keys without it. */
        key: Schema.optionalKey(text(1_000))
      })
    }).annotate(Requires, "operate"),
    /** Leaves out the event that holds a key, and handles the later ones of the key. */
    HttpApiEndpoint.post("dropEvent", "/operation/reactors/:group/drop", {
      ...reacting,
      payload: Schema.Struct({ key: text(1_000), reason: Reason })
    }).annotate(Requires, "operate")
  ),
  "What keeps up with the log, and the acts on it"
)

const catalogue = guarded(
  HttpApiGroup.make("catalogue").add(
    HttpApiEndpoint.get("types", "/catalogue", { success: CatalogueAnswer.Catalogue, error }),
    /** The catalogue as the files of an EventCatalog project, in a tar archive. */
    HttpApiEndpoint.get("export", "/catalogue/event-catalog.tar", {
      success: Schema.Uint8Array.pipe(
        HttpApiSchema.asUint8Array({ contentType: "application/x-tar" })
      ),
      error
    })
  ),
  "The event types of the host"
)

/**
 * The API of the inspector, relative to `PATH/api` of its host.
 *
 * @category models
 * @since 0.1.0
 */
export const InspectorApi = HttpApi.make("inspector")
  .add(
    about.annotateEndpoints(Requires, "inspect"),
    streams.annotateEndpoints(Requires, "inspect"),
    readModels.annotateEndpoints(Requires, "inspect"),
    log.annotateEndpoints(Requires, "inspect"),
    operation,
    catalogue.annotateEndpoints(Requires, "inspect")
  )
  .prefix("/api")
