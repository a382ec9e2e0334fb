import {
  AlreadyFolded,
  ClaimLost,
  DefinitionChanged,
  OtherLog,
  Superseded
} from "@daybook/projections/ReadModelError"
import * as Specification from "@daybook/testing/Specification"
import * as LawSuite from "@daybook/testing/LawSuite"
import { Command } from "../src/internal/lifecycle/command.ts"
import { RuleBroken } from "../src/internal/lifecycle/decide.ts"
import * as Lifecycle from "@daybook/projections/driver/ReadModelLifecycle"
import { Event } from "../src/internal/lifecycle/event.ts"
import { at, eventAt, LEASE, log, name, poisonAt, reason, version } from "./lifecycleCommands.ts"

const { cases: command } = Command
const { cases: event } = Event

const description = ["id text"]
const at0 = { at: 0 }

/** The events of a read model of version 1 that was opened on a log. */
const made = event.TableMade.make({
  generation: 1,
  version: version(1),
  description,
  role: "serving",
  log: log(1),
  partitions: 1
})

/** A shadow in generation 2. */
const shadow = event.TableMade.make({ ...made, generation: 2, role: "shadow" })

const claimed = (generation: number, epoch: number, from = 0) =>
  event.Claimed.make({ generation, owner: "one", epoch, leaseEnds: from + LEASE })

const claim = (generation: number, epoch: number) => ({ generation, epoch, leaseMillis: LEASE })

const lost = (generation: number, epoch: number) => new ClaimLost({ name, generation, epoch })

const advanced = (generation: number, position: number, partition = 0) =>
  event.Advanced.make({
    generation,
    partition,
    position: at(position),
    event: eventAt(position),
    events: 1,
    eventsPerSecond: 5,
    leaseEnds: LEASE
  })

const open = (fields: Partial<typeof command.Open.Type> = {}) =>
  command.Open.make({
    ...at0,
    version: version(1),
    description,
    parallelism: 2,
    log: log(1),
    ...fields
  })

const beginShadow = (accept = false, why = {}) =>
  command.BeginShadow.make({
    ...open(),
    _tag: "BeginShadow",
    owner: "one",
    leaseMillis: LEASE,
    accept,
    why
  })

const take = (owner: string, fields: Partial<typeof command.Claim.Type> = {}) =>
  command.Claim.make({
    ...at0,
    generation: 1,
    owner,
    leaseMillis: LEASE,
    despite: null,
    ...fields
  })

const advance = (epoch: number, from: number, to: number) =>
  command.Advance.make({
    ...at0,
    claim: claim(1, epoch),
    partition: 0,
    from: at(from),
    to: at(to),
    event: eventAt(to),
    events: 1,
    eventsPerSecond: 5
  })

const skip = (fields: Partial<typeof command.Skip.Type> = {}) =>
  command.Skip.make({
    ...at0,
    version: version(1),
    position: at(2),
    event: eventAt(2),
    reason,
    ofLostHistory: false,
    ...fields
  })

const skipped = [
  event.Skipped.make({ version: version(1), position: at(2), event: eventAt(2), reason }),
  event.Acted.make({ act: "skip", why: { reason }, details: { version: 1, position: "2" } })
]

const promote = (differing: number | null) =>
  command.Promote.make({ ...at0, claim: claim(2, 1), differing })

const swapped = event.TablesSwapped.make({ serving: 1, shadow: 2, mode: "async", epoch: 2 })

const inline = event.MadeInline.make({ generation: 1, epoch: 1 })

const ended = (generation: number, epoch: number) => event.ClaimEnded.make({ generation, epoch })

const allowed = (accepted: boolean) => event.DifferencesAllowed.make({ generation: 2, accepted })

const spec = Specification.make(
  "the life of a read model",
  Lifecycle.decider(name),
  (given) => ({
    "serves at once when it is opened first": given().when(open()).then([made]),
    "stays as it is when it is opened again": given(made).when(open()).then([]),
    "is bound to the first log that is known": given({ ...made, log: null })
      .when(open())
      .then([event.LogBound.make({ log: log(1) })]),
    "opens for no other log": given(made)
      .when(open({ log: log(2) }))
      .then(new OtherLog({ name, kept: log(1), given: log(2) })),
    "refuses another definition of the same version": given(made)
      .when(open({ description: ["id bigint"] }))
      .then(
        new DefinitionChanged({
          name,
          version: version(1),
          stored: ["id text"],
          defined: ["id bigint"]
        })
      ),
    "gets a shadow for a newer version, in as many partitions as are asked for": given(made)
      .when(open({ version: version(2) }))
      .then([{ ...shadow, version: version(2), partitions: 2 }]),
    "is superseded for an older version": given({ ...made, version: version(2) })
      .when(open())
      .then(new Superseded({ name, version: version(1), serving: version(2) })),

    "begins a shadow under a claim, for the record": given(made)
      .when(beginShadow(false, { actor: "ada" }))
      .then([
        { ...shadow, partitions: 2 },
        allowed(false),
        event.Acted.make({
          act: "rebuild",
          why: { actor: "ada" },
          details: { generation: 2, accepted: false }
        }),
        claimed(2, 1)
      ]),
    "finds the shadow that another owner builds, and accepts its rows": given(made, shadow, {
      ...claimed(2, 1),
      owner: "other"
    })
      .when(beginShadow(true))
      .then([
        allowed(true),
        event.Acted.make({ act: "rebuild", why: {}, details: { generation: 2, accepted: true } })
      ]),

    "is claimed by one owner": given(made)
      .when(take("one"))
      .then([claimed(1, 1)]),
    "is not claimed while the lease of another owner lasts": given(made, claimed(1, 1))
      .when(take("other", { at: LEASE - 1 }))
      .then([]),
    "is not claimed while a step has renewed the lease": given(
      made,
      claimed(1, 1, -5),
      advanced(1, 1)
    )
      .when(take("other", { at: LEASE - 1 }))
      .then([]),
    "is claimed by another owner when the lease has run out": given(made, claimed(1, 1))
      .when(take("other", { at: LEASE }))
      .then([{ ...claimed(1, 2, LEASE), owner: "other" }]),
    "is claimed again by its owner at once": given(made, claimed(1, 1))
      .when(take("one"))
      .then([claimed(1, 2)]),
    "is not claimed while it is paused": given(made, event.Paused.make({}))
      .when(take("one"))
      .then([]),
    "is not claimed while it is inline": given(made, inline).when(take("one")).then([]),
    "is not claimed while an event stops it": given(
      made,
      event.Stopped.make({ generation: 1, poison: poisonAt(1) })
    )
      .when(take("one"))
      .then([]),
    "is claimed despite the event that stopped it": given(
      made,
      event.Stopped.make({ generation: 1, poison: poisonAt(1) })
    )
      .when(take("one", { despite: poisonAt(1) }))
      .then([claimed(1, 1)]),
    "is not claimed despite another event than the one that stopped it": given(
      made,
      event.Stopped.make({ generation: 1, poison: poisonAt(1) })
    )
      .when(take("one", { despite: poisonAt(2) }))
      .then([]),
    "extends the lease of the newest claim": given(made, claimed(1, 1))
      .when(command.Renew.make({ at: 5, claim: claim(1, 1), checkpoint: null }))
      .then([event.LeaseExtended.make({ generation: 1, leaseEnds: 5 + LEASE })]),
    "moves the checkpoint of the newest claim, and extends its lease": given(
      made,
      claimed(1, 1),
      advanced(1, 3)
    )
      .when(
        command.Renew.make({
          at: 5,
          claim: claim(1, 1),
          checkpoint: { from: at(3), to: { position: at(6), event: eventAt(6) } }
        })
      )
      .then([{ ...advanced(1, 6), events: 0, leaseEnds: 5 + LEASE }]),
    "does not move the checkpoint back": given(made, claimed(1, 1), advanced(1, 3))
      .when(
        command.Renew.make({
          at: 5,
          claim: claim(1, 1),
          checkpoint: { from: at(3), to: { position: at(2), event: eventAt(2) } }
        })
      )
      .then(lost(1, 1)),
    "does not extend an earlier claim": given(made, claimed(1, 1), claimed(1, 2))
      .when(command.Renew.make({ at: 5, claim: claim(1, 1), checkpoint: null }))
      .then(lost(1, 1)),
    "ends a claim that is released": given(made, claimed(1, 1))
      .when(command.Release.make({ ...at0, claim: claim(1, 1) }))
      .then([ended(1, 2)]),
    "ignores the release of a lost claim": given(made, claimed(1, 1), claimed(1, 2))
      .when(command.Release.make({ ...at0, claim: claim(1, 1) }))
      .then([]),

    "moves the checkpoint under the newest claim": given(made, claimed(1, 1))
      .when(advance(1, 0, 1))
      .then([advanced(1, 1)]),
    "does not move the checkpoint under an earlier claim": given(made, claimed(1, 1), claimed(1, 2))
      .when(advance(1, 0, 1))
      .then(lost(1, 1)),
    "does not move the checkpoint from another position": given(made, claimed(1, 1), advanced(1, 1))
      .when(advance(1, 0, 2))
      .then(lost(1, 1)),
    "does not move the checkpoint while it is paused": given(
      made,
      claimed(1, 1),
      event.Paused.make({})
    )
      .when(advance(1, 0, 1))
      .then(lost(1, 1)),
    "begins a shadow again from the start of a log": given(made, shadow, claimed(2, 1))
      .when(command.Restart.make({ ...at0, claim: claim(2, 1), log: log(2) }))
      .then([
        event.TableEmptied.make({ generation: 2 }),
        event.LogChanged.make({ generation: 2, log: log(2) })
      ]),
    "records the position of inline rows": given(made, inline)
      .when(
        command.Mark.make({
          ...at0,
          generation: 1,
          compared: { position: at(0), event: null },
          reached: { position: at(2), event: eventAt(2) }
        })
      )
      .then([event.Marked.make({ generation: 1, position: at(2), event: eventAt(2) })]),

    "stops at an event, and ends the claim": given(made, claimed(1, 1))
      .when(command.Stop.make({ ...at0, claim: claim(1, 1), poison: poisonAt(1) }))
      .then([event.Stopped.make({ generation: 1, poison: poisonAt(1) }), ended(1, 2)]),
    "is paused for a reason": given(made)
      .when(command.Pause.make({ ...at0, why: { reason: "to look" } }))
      .then([
        event.Paused.make({}),
        event.Acted.make({ act: "pause", why: { reason: "to look" }, details: {} })
      ]),
    "is resumed": given(made, event.Paused.make({}))
      .when(command.Resume.make({ ...at0, why: {} }))
      .then([event.Resumed.make({}), event.Acted.make({ act: "resume", why: {}, details: {} })]),

    "skips the event that stopped it": given(
      made,
      event.Stopped.make({ generation: 1, poison: poisonAt(2) })
    )
      .when(skip())
      .then([...skipped, ended(1, 1), event.StopEnded.make({ generation: 1 })]),
    "empties the shadows of a version that skips an event": given(made, shadow)
      .when(skip())
      .then([...skipped, ended(1, 1), ended(2, 1), event.TableEmptied.make({ generation: 2 })]),
    "skips an event once": given(made, ...skipped)
      .when(skip())
      .then([]),
    "skips no event that its rows include": given(made, claimed(1, 1), advanced(1, 2))
      .when(skip())
      .then(new AlreadyFolded({ name, version: version(1), position: at(2), checkpoint: at(2) })),
    "skips an event that rows of a lost history hide": given(made, claimed(1, 1), advanced(1, 2))
      .when(skip({ ofLostHistory: true }))
      .then([...skipped, ended(1, 2)]),

    "promotes a shadow whose rows are equal": given(made, shadow, claimed(2, 1))
      .when(promote(0))
      .then([
        swapped,
        event.Acted.make({ act: "switch", why: {}, details: { from: 1, to: 2, version: 1 } })
      ]),
    "retires the shadows that have nothing left to replace": given(
      made,
      { ...shadow, version: version(2) },
      { ...shadow, generation: 3 },
      claimed(2, 1)
    )
      .when(promote(null))
      .then([
        swapped,
        event.Retired.make({ generation: 3, epoch: 2 }),
        event.Acted.make({ act: "switch", why: {}, details: { from: 1, to: 2, version: 2 } })
      ]),
    "retires a shadow whose rows differ": given(made, shadow, claimed(2, 1))
      .when(promote(3))
      .then([
        event.Retired.make({ generation: 2, epoch: 2 }),
        event.Acted.make({ act: "differ", why: {}, details: { generation: 2, rows: 3 } })
      ]),
    "promotes a shadow whose rows differ, if that is accepted": given(
      made,
      shadow,
      allowed(true),
      claimed(2, 1)
    )
      .when(promote(3))
      .then([
        swapped,
        event.Acted.make({
          act: "switch",
          why: {},
          details: { from: 1, to: 2, version: 1, differing: 3 }
        })
      ]),
    "promotes inline rows to inline rows": given(made, inline, shadow, claimed(2, 2))
      .when(command.Promote.make({ ...at0, claim: claim(2, 2), differing: 0 }))
      .then([
        { ...swapped, mode: "inline", epoch: 3 },
        event.Acted.make({ act: "switch", why: {}, details: { from: 1, to: 2, version: 1 } })
      ]),
    "promotes no shadow whose partitions are apart": given(
      made,
      { ...shadow, partitions: 2 },
      claimed(2, 1),
      advanced(2, 1)
    )
      .when(promote(null))
      .then(
        new RuleBroken({
          issue: "cannot promote generation 2 of takings: its partitions are at 1, 0"
        })
      ),
    "compares no rows as of two positions": given(made, shadow, claimed(2, 1), advanced(2, 1))
      .when(promote(0))
      .then(
        new RuleBroken({
          issue: "cannot compare generation 2 of takings at 1: generation 1 serves at 0"
        })
      ),

    "is handed over to the appends": given(made, claimed(1, 1))
      .when(command.MakeInline.make({ ...at0, claim: claim(1, 1) }))
      .then([event.MadeInline.make({ generation: 1, epoch: 2 })]),
    "is handed back to the runner, at a position": given(made, inline)
      .when(command.MakeAsync.make({ ...at0, reached: { position: at(2), event: eventAt(2) } }))
      .then([
        event.MadeAsync.make({ generation: 1, epoch: 2, position: at(2), event: eventAt(2) })
      ]),

    "drops a retired generation": given(made, shadow, claimed(2, 1), swapped)
      .when(command.Drop.make({ ...at0, generation: 1, why: {} }))
      .then([
        event.TableDropped.make({ generation: 1 }),
        event.Acted.make({ act: "drop", why: {}, details: { generation: 1 } })
      ]),
    "does not drop the generation that serves": given(made)
      .when(command.Drop.make({ ...at0, generation: 1, why: {} }))
      .then(new RuleBroken({ issue: "cannot drop generation 1 of takings: it serves" }))
  }),
  { covers: [Command.cases, Event.cases] }
)

LawSuite.suite(spec.name, Specification.laws(spec))
