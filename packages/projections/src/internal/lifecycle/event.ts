/**
 * The events of a read model. `Table*` events also name what happens to the tables of its rows.
 */
import { EventMark } from "@daybook/kernel/EventMark"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as Schema from "effect/Schema"
import { Act, Why } from "../../ReadModelAct.ts"
import { Generation, Poison, SkipReason } from "../../driver/ReadModelGeneration.ts"
import { Epoch, Mode, Partitions } from "./state.ts"

const of = { generation: Generation }

/** The number of events of a step: a limit far above any, so that sums stay exact. */
const Events = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

/** An event of a read model. */
export const Event = Schema.TaggedUnion({
  /** A generation was begun, with an empty table. */
  TableMade: {
    ...of,
    version: Projection.Version,
    description: Schema.Array(Schema.String),
    role: Schema.Literals(["serving", "shadow"]),
    log: Schema.NullOr(LogId),
    partitions: Partitions
  },
  /** A generation starts over: its rows are gone, its checkpoints are at the start. */
  TableEmptied: of,
  /** A shadow serves in the place of the serving generation, which is retired. Both claims end. */
  TablesSwapped: { serving: Generation, shadow: Generation, mode: Mode, epoch: Epoch },
  /** A generation is gone, with its table. */
  TableDropped: of,
  /** The generations without a known log are of this one. */
  LogBound: { log: LogId },
  /** A shadow is folded from another log. */
  LogChanged: { ...of, log: LogId },
  /** The latest request for a shadow decided whether its rows may replace others that differ. */
  DifferencesAllowed: { ...of, accepted: Schema.Boolean },
  /** An owner has the claim; an earlier claim is lost, and a stop has ended. */
  Claimed: { ...of, owner: Schema.String, epoch: Epoch, leaseEnds: Schema.Finite },
  LeaseExtended: { ...of, leaseEnds: Schema.Finite },
  ClaimEnded: { ...of, epoch: Epoch },
  Advanced: {
    ...of,
    partition: Schema.Int,
    position: Position.Position,
    event: Schema.NullOr(EventMark),
    events: Events,
    eventsPerSecond: Schema.Finite,
    leaseEnds: Schema.Finite
  },
  /** Appends have maintained an inline generation up to a position. */
  Marked: { ...of, position: Position.Position, event: Schema.NullOr(EventMark) },
  Stopped: { ...of, poison: Poison },
  /** The event that stopped a generation is tried again. */
  StopEnded: of,
  Paused: {},
  Resumed: {},
  Skipped: {
    version: Projection.Version,
    position: Position.Position,
    event: EventMark,
    reason: SkipReason
  },
  /** A shadow is not needed any more, or its rows differ. */
  Retired: { ...of, epoch: Epoch },
  /** Appends maintain a generation from now on; its claim has ended. */
  MadeInline: { ...of, epoch: Epoch },
  /** The runner maintains a generation from now on, from a position. */
  MadeAsync: {
    ...of,
    epoch: Epoch,
    position: Position.Position,
    event: Schema.NullOr(EventMark)
  },
  /** An administrative act, for the record. */
  Acted: { act: Act.fields.act, why: Why, details: Act.fields.details }
})
export type Event = typeof Event.Type
