/**
 * Reactors on a store: in memory, on a server and embedded.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Category, StreamId } from "@daybook/kernel/StreamId"
import * as EventId from "@daybook/kernel/EventId"
import { type ConsumerGroup, keysOf } from "@daybook/reactors/ConsumerGroup"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const fresh = () => SecureRandom.uuidV4Unsafe().replaceAll("-", "").slice(0, 10)

/** Appends an event with a number to the end of the stream of a key. */
export const append = Effect.fnUntraced(function* (category: Category, key: string, n: number) {
  const events = yield* EventStore
  yield* events.append({
    streamId: StreamId.make(`${category}-${key}`),
    expected: ExpectedRevision.any,
    events: [
      {
        id: EventId.make(SecureRandom.uuidV4Unsafe()),
        type: "Noted",
        schemaVersion: 1,
        data: { n },
        metadata: {},
        occurredAt: DateTime.makeUnsafe(0)
      }
    ]
  })
})

/** Appends the numbers in turn, `a1` as 1 to the stream of `a`. */
export const appendAll = (category: Category, ...notes: ReadonlyArray<string>) =>
  Effect.forEach(notes, (note) => append(category, note.slice(0, 1), Number(note.slice(1))))

const numbered = Schema.decodeUnknownSync(Schema.Struct({ n: Schema.Int }))

/** Returns the key and the number of an event, such as `a1`. */
export const noteOf = ({ data, streamId }: RecordedEvent): string => {
  const { n } = numbered(data)
  return `${streamId.slice(streamId.indexOf("-") + 1)}${n}`
}

/** Builds a reactor's host in a scope of its own; returns its end. */
const host = Effect.fnUntraced(function* <R>(reactor: Reactor.Reactor<R>) {
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(Layer.fresh(Reactors.layer([reactor])), scope)
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  return Scope.close(scope, Exit.void)
})

/** Waits for the status of a group. */
const eventually = (name: string, isSo: (status: GroupStatus) => boolean) =>
  Effect.flatMap(ConsumerGroups, (groups) =>
    groups.status(name).pipe(
      Effect.option,
      Effect.repeat({
        until: Option.exists(isSo),
        schedule: Schedule.spaced("5 millis")
      }),
      Effect.map(Option.getOrThrow)
    )
  )

const setting = Effect.gen(function* () {
  const id = fresh()
  const seen = yield* Queue.unbounded<string>()
  const broken = new Set<string>()
  const tries: Array<string> = []
  // A transaction may be undone, and its events handled again.
  const noted = new Set<string>()
  const category = Category.make(`notes_${id}`)
  const options = {
    name: `reactor_${id}`,
    categories: [category],
    retry: Schedule.recurs(1),
    react: (event: RecordedEvent) =>
      Effect.suspend(() => {
        const note = noteOf(event)
        tries.push(note)
        if (broken.has(note)) return Effect.fail(new Error(`cannot note ${note}: it is broken`))
        if (noted.has(note)) return Effect.void
        noted.add(note)
        return Effect.asVoid(Queue.offer(seen, note))
      })
  }
  const take = (count: number) => Effect.replicateEffect(Queue.take(seen), count)
  return { category, options, broken, tries, seen, take, name: options.name }
})

type Make = <R>(
  options: Reactor.Options<RecordedEvent, R> & Pick<ConsumerGroup, "categories">
) => Reactor.Reactor<R>

/** Reacts to batches of up to three events, and leaves those that fail. */
const inBatches: Make = (options) => {
  const reactor = Reactor.make(options)
  const { group, react } = reactor
  const prepare = Effect.fnUntraced(function* (events: ReadonlyArray<RecordedEvent>) {
    const left = new Set<RecordedEvent>()
    const keys = new Set<string>()
    for (const event of events) {
      const found = keysOf(group, event)
      const own = Result.getOrElse(found, () => [event.streamId])
      if (Result.isSuccess(found) && !own.some((key) => keys.has(key))) {
        const reacting = Effect.forEach(own, (key) => react(event, key))
        if (Exit.isSuccess(yield* Effect.exit(reacting))) continue
      }
      for (const key of own) keys.add(key)
      left.add(event)
    }
    return left
  })
  return { ...reactor, together: { most: 3, prepare } }
}

const kinds: ReadonlyArray<readonly [kind: string, make: Make]> = [
  ["A reactor", Reactor.make],
  ["A transactional reactor", (options) => Reactor.make({ ...options, transactional: true })],
  ["A reactor in batches", inBatches],
  [
    "A reactor whose batches fail",
    (options) => ({
      ...inBatches(options),
      together: { most: 3, prepare: () => Effect.fail("no batches") }
    })
  ],
  [
    "A reactor whose batches throw",
    (options) => ({
      ...inBatches(options),
      together: {
        most: 3,
        prepare: () => {
          throw new Error("no batches")
        }
      }
    })
  ]
]

export const reactorCases = <E>(
  title: string,
  stores: Layer.Layer<ConsumerGroups | EventStore, E>
): void => {
  layer(stores, { timeout: 60_000, excludeTestServices: true })(title, (it) => {
    for (const [kind, make] of kinds) {
      it.effect(`${kind} reacts to each event in the order of its key, and goes on`, () =>
        Effect.gen(function* () {
          const { category, name, options, take } = yield* setting
          const keys: Array<string> = []
          const reactor = make({
            ...options,
            react: (event, { effectKey }) => {
              keys.push(effectKey)
              return options.react(event)
            }
          })
          const end = yield* host(reactor)
          yield* appendAll(category, "a1", "b1", "a2", "b2")
          const first = yield* take(4)
          assert.deepStrictEqual(
            first.filter((note) => note.startsWith("a")),
            ["a1", "a2"]
          )
          assert.deepStrictEqual(
            first.filter((note) => note.startsWith("b")),
            ["b1", "b2"]
          )
          assert.strictEqual(new Set(keys).size, 4)
          assert.strictEqual(keys.length, 4)
          assert.isTrue(keys.every((key) => key.startsWith(`${name}:`)))
          yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
          yield* end
          yield* appendAll(category, "a3")
          yield* host(reactor)
          assert.deepStrictEqual(yield* take(1), ["a3"])
        })
      )

      it.effect(`${kind} stops at an event that fails, until it is released`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take, tries } = yield* setting
          broken.add("a2")
          yield* host(make(options))
          yield* appendAll(category, "a1", "a2", "a3")
          assert.deepStrictEqual(yield* take(1), ["a1"])
          const { held } = yield* eventually(name, ({ state }) => state === "stopped")
          assert.deepStrictEqual(
            held.map(({ attempts, issue, key, state }) => ({ attempts, issue, key, state })),
            [
              {
                attempts: 2,
                issue: "cannot note a2: it is broken",
                key: `${category}-a`,
                state: "stopped"
              }
            ]
          )
          assert.notInclude(tries, "a3")
          // It may go on failing.
          yield* groups.release(name, { actor: "ada" })
          yield* eventually(name, (status) => (status.held[0]?.attempts ?? 0) > 2)
          broken.clear()
          yield* groups.release(name, { key: `${category}-a`, reason: "repaired" })
          assert.deepStrictEqual(yield* take(2), ["a2", "a3"])
          const after = yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
          assert.deepStrictEqual([after.held, after.state], [[], "live"])
        })
      )

      it.effect(`${kind} leaves out an event that stopped it, if it is dropped`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1")
          yield* host(make(options))
          yield* appendAll(category, "a1", "a2")
          yield* eventually(name, ({ state }) => state === "stopped")
          yield* groups.drop(name, { key: `${category}-a` })
          assert.deepStrictEqual(yield* take(1), ["a2"])
          yield* eventually(name, ({ held, lagEvents }) => held.length + lagEvents === 0)
        })
      )

      it.effect(`${kind} does not try an event that was dropped while no host ran`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take, tries } = yield* setting
          broken.add("a1")
          const reactor = make(options)
          const end = yield* host(reactor)
          yield* appendAll(category, "a1", "a2")
          yield* eventually(name, ({ state }) => state === "stopped")
          yield* end
          yield* groups.drop(name, { key: `${category}-a` })
          const before = tries.length
          yield* host(reactor)
          assert.deepStrictEqual(yield* take(1), ["a2"])
          assert.deepStrictEqual(tries.slice(before), ["a2"])
          yield* eventually(name, ({ held, lagEvents }) => held.length + lagEvents === 0)
        })
      )

      it.effect(`${kind} parks an event and the later ones of its key, and others go on`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take, tries } = yield* setting
          broken.add("a1")
          const reactor = make({ ...options, onFailure: "park" })
          const end = yield* host(reactor)
          yield* appendAll(category, "b1", "a1", "a2", "b2")
          assert.deepStrictEqual(yield* take(2), ["b1", "b2"])
          yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
          // The key waits in the log, whichever host goes on.
          yield* end
          yield* host(reactor)
          yield* appendAll(category, "a3", "b3")
          assert.deepStrictEqual(yield* take(1), ["b3"])
          yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
          broken.clear()
          yield* groups.release(name)
          assert.deepStrictEqual(yield* take(3), ["a1", "a2", "a3"])
          yield* eventually(name, ({ held }) => held.length === 0)
          yield* appendAll(category, "a4")
          assert.deepStrictEqual(yield* take(1), ["a4"])
          assert.deepStrictEqual(
            tries.filter((note) => note === "a3"),
            ["a3"]
          )
        })
      )

      it.effect(`${kind} parks a key again at the event that fails when it is released`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1").add("a3")
          yield* host(make({ ...options, onFailure: "park" }))
          yield* appendAll(category, "a1", "a2", "a3", "a4")
          const parked = yield* eventually(
            name,
            ({ held, lagEvents }) => held.length === 1 && lagEvents === 0
          )
          yield* groups.drop(name, { key: `${category}-a` })
          assert.deepStrictEqual(yield* take(1), ["a2"])
          const again = yield* eventually(name, ({ held }) =>
            held.some(
              ({ issue, position }) =>
                issue.includes("a3") && position > (parked.held[0]?.position ?? 0n)
            )
          )
          assert.strictEqual(again.held[0]?.state, "parked")
          broken.clear()
          yield* groups.release(name)
          assert.deepStrictEqual(yield* take(2), ["a3", "a4"])
          yield* eventually(name, ({ held }) => held.length === 0)
        })
      )

      it.effect(`${kind} stops when too many keys are parked`, () =>
        Effect.gen(function* () {
          const { broken, category, name, options } = yield* setting
          broken.add("a1").add("b1")
          yield* host(make({ ...options, onFailure: "park", maxParked: 1 }))
          yield* appendAll(category, "a1", "b1")
          const { held } = yield* eventually(name, ({ state }) => state === "stopped")
          assert.sameMembers(
            held.map(({ state }) => state),
            ["parked", "stopped"]
          )
        })
      )

      it.effect(`${kind} keeps a key parked that fails in a release under another policy`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1")
          const end = yield* host(make({ ...options, onFailure: "park" }))
          yield* appendAll(category, "a1", "a2", "b1")
          assert.deepStrictEqual(yield* take(1), ["b1"])
          yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
          yield* end
          const stopping = make({ ...options, onFailure: "stop" })
          const endAgain = yield* host(stopping)
          yield* groups.release(name)
          const { held } = yield* eventually(
            name,
            (status) => status.held.length === 1 && status.held[0]?.asked === null
          )
          assert.strictEqual(held[0]?.state, "parked")
          yield* endAgain
          broken.clear()
          yield* host(stopping)
          yield* groups.release(name)
          assert.deepStrictEqual(yield* take(2), ["a1", "a2"])
          yield* eventually(name, (status) => status.held.length === 0)
        })
      )

      it.effect(`${kind} releases a key that was stopped before its checkpoint`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { category, name, options, take } = yield* setting
          const reactor = make(options)
          yield* appendAll(category, "a1", "a2")
          const stopped = yield* Deferred.make<void>()
          const stopping = groups.run({ ...reactor.group, from: "beginning" }, (assignment) =>
            Stream.runForEach(
              assignment.pages,
              Effect.fnUntraced(function* ({ checkpoint, events: [first] }) {
                if (first === undefined) return
                yield* assignment.commit(checkpoint)
                yield* assignment.hold({
                  key: first.streamId,
                  state: "stopped",
                  position: first.position,
                  event: EventMark.of(first),
                  streamId: first.streamId,
                  type: first.type,
                  issue: "stopped by an earlier version",
                  attempts: 1
                })
                yield* Deferred.succeed(stopped, undefined)
              })
            )
          )
          yield* Effect.raceFirst(stopping, Deferred.await(stopped))
          yield* host(reactor)
          yield* groups.release(name)
          assert.deepStrictEqual(yield* take(2), ["a1", "a2"])
          yield* eventually(name, ({ held, lagEvents }) => held.length + lagEvents === 0)
        })
      )

      it.effect(`${kind} skips an event that fails, and records it`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1")
          yield* host(make({ ...options, onFailure: "skip" }))
          yield* appendAll(category, "a1", "a2")
          assert.deepStrictEqual(yield* take(1), ["a2"])
          const acts = yield* groups.acts(name)
          assert.deepStrictEqual(
            acts.map(({ act, details }) => [act, details["issue"]]),
            [["skip", "cannot note a1: it is broken"]]
          )
        })
      )

      it.effect(`${kind} that is stopped tries again on another host`, () =>
        Effect.gen(function* () {
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1")
          const reactor = make(options)
          const end = yield* host(reactor)
          yield* appendAll(category, "a1")
          yield* eventually(name, ({ state }) => state === "stopped")
          yield* end
          broken.clear()
          yield* host(reactor)
          assert.deepStrictEqual(yield* take(1), ["a1"])
          yield* eventually(name, ({ held, lagEvents }) => held.length + lagEvents === 0)
        })
      )
    }

    it.effect("Batches have the events once, in order, and are prepared ahead", () =>
      Effect.gen(function* () {
        const { category, name, options } = yield* setting
        const steps = yield* Queue.unbounded<string>()
        const step = (kind: string, events: ReadonlyArray<RecordedEvent>) =>
          Queue.offerUnsafe(steps, `${kind} ${events.map(noteOf).join(" ")}`)
        const goOn = yield* Deferred.make<void>()
        const prepare = (events: ReadonlyArray<RecordedEvent>) => {
          step("prepared", events)
          return Effect.gen(function* () {
            yield* Deferred.await(goOn)
            step("reacted", events)
            return new Set<RecordedEvent>()
          })
        }
        yield* appendAll(category, "a1", "b1", "a2", "b2", "a3")
        yield* host({ ...Reactor.make(options), together: { most: 2, prepare } })
        const ahead = ["prepared a1 b1", "prepared a2 b2"]
        assert.deepStrictEqual(yield* Effect.replicateEffect(Queue.take(steps), 2), ahead)
        yield* Deferred.succeed(goOn, undefined)
        const rest = yield* Effect.replicateEffect(Queue.take(steps), 4)
        assert.deepStrictEqual(
          rest.filter((one) => one !== "prepared a3"),
          ["reacted a1 b1", "reacted a2 b2", "reacted a3"]
        )
        yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
      })
    )

    it.effect("A reactor in batches keeps its events when ranges are split and joined", () =>
      Effect.gen(function* () {
        const { category, name, options, seen, take, tries } = yield* setting
        const reactor = inBatches(options)
        const notes = (n: number) => Array.from("abcdefgh", (key) => `${key}${n}`)
        const areShared = (hosts: number) =>
          eventually(name, ({ ranges }) => {
            const owners = ranges.flatMap(({ owner }) => Option.toArray(owner))
            return owners.length === ranges.length && ranges.length === hosts
          })
        yield* host(reactor)
        const second = yield* host(reactor)
        yield* Effect.all([appendAll(category, ...notes(1), ...notes(2)), areShared(2)], {
          concurrency: "unbounded"
        })
        yield* Effect.all([second, appendAll(category, ...notes(3))], { concurrency: "unbounded" })
        yield* Effect.all([appendAll(category, ...notes(4)), areShared(1)], {
          concurrency: "unbounded"
        })
        const handled = yield* take(32)
        for (const key of "abcdefgh") {
          assert.deepStrictEqual(
            handled.filter((note) => note.startsWith(key)),
            [1, 2, 3, 4].map((n) => `${key}${n}`)
          )
        }
        yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
        assert.strictEqual(yield* Queue.size(seen), 0)
        assert.isAtLeast(tries.length, 32)
      })
    )

    it.effect("A slow key does not hold back the others of its range", () =>
      Effect.gen(function* () {
        const { category, options, take, tries } = yield* setting
        const finish = yield* Deferred.make<void>()
        yield* host(
          Reactor.make({
            ...options,
            react: (event: RecordedEvent) =>
              noteOf(event) === "a1"
                ? Effect.andThen(Deferred.await(finish), options.react(event))
                : options.react(event)
          })
        )
        yield* appendAll(category, "a1", "b1", "a2", "b2")
        assert.deepStrictEqual(yield* take(2), ["b1", "b2"])
        assert.deepStrictEqual(tries, ["b1", "b2"])
        yield* Deferred.succeed(finish, undefined)
        assert.deepStrictEqual(yield* take(2), ["a1", "a2"])
      })
    )

    it.effect("A defect is handled as a failure is", () =>
      Effect.gen(function* () {
        const { category, name, options } = yield* setting
        yield* host(
          Reactor.make({ ...options, react: () => Effect.die(new Error("out of memory cards")) })
        )
        yield* appendAll(category, "a1")
        const { held } = yield* eventually(name, ({ state }) => state === "stopped")
        assert.strictEqual(held[0]?.issue, "out of memory cards")
      })
    )

    it.effect("A reactor with a key of its own keeps the order of that", () =>
      Effect.gen(function* () {
        const groups = yield* ConsumerGroups
        const { broken, category, name, options, take } = yield* setting
        broken.add("a1")
        yield* host(Reactor.make({ ...options, onFailure: "park", key: () => "all" }))
        yield* appendAll(category, "a1", "b1", "a2")
        yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
        broken.clear()
        yield* groups.release(name, { key: "all" })
        assert.deepStrictEqual(yield* take(3), ["a1", "b1", "a2"])
      })
    )

    for (const transactional of [false, true]) {
      const kind = transactional ? "A transactional reactor" : "A reactor"

      it.effect(`${kind} is stopped by an event whose key function throws`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { category, name, options, take, tries } = yield* setting
          let isBroken = true
          const key = (event: RecordedEvent) => {
            if (isBroken && noteOf(event) === "a2") throw new Error("a2 has no key")
            return "all"
          }
          yield* host(Reactor.make({ ...options, transactional, key }))
          yield* appendAll(category, "a1", "a2", "a3")
          const { held } = yield* eventually(name, ({ state }) => state === "stopped")
          assert.deepStrictEqual(
            held.map((one) => [one.issue, one.key, one.attempts]),
            [["a2 has no key", `${category}-a`, 2]]
          )
          assert.notInclude(tries, "a2")
          isBroken = false
          yield* groups.release(name)
          yield* eventually(name, (status) => status.held.length + status.lagEvents === 0)
          assert.sameMembers(Array.from(yield* take(3)), ["a1", "a2", "a3"])
        })
      )

      it.effect(`${kind} parks an event whose key can't be stored, and others go on`, () =>
        Effect.gen(function* () {
          const { category, name, options, take } = yield* setting
          const key = (event: RecordedEvent) =>
            noteOf(event) === "a1" ? "k".repeat(5_000) : noteOf(event) === "b1" ? "\0" : "all"
          yield* host(Reactor.make({ ...options, transactional, key, onFailure: "park" }))
          yield* appendAll(category, "a1", "b1", "a2")
          assert.deepStrictEqual(yield* take(1), ["a2"])
          const { held } = yield* eventually(name, (status) => status.lagEvents === 0)
          assert.deepStrictEqual(
            held.map((one) => one.key),
            [`${category}-a`, `${category}-b`]
          )
        })
      )

      it.effect(`${kind} handles an event once for each of its keys, in the order of each`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { category, name, options } = yield* setting
          const seen = yield* Queue.unbounded<string>()
          let isBroken = true
          yield* host(
            Reactor.make({
              ...options,
              transactional,
              onFailure: "park",
              // The streams a and b have a key each, and c has both.
              key: ({ streamId }) =>
                streamId.endsWith("-c") ? ["a", "b", "a"] : streamId.slice(-1),
              react: (event, { key }) =>
                isBroken && noteOf(event) === "a1"
                  ? Effect.fail(new Error("a1 is broken"))
                  : Queue.offer(seen, `${key}:${noteOf(event)}`)
            })
          )
          yield* appendAll(category, "a1", "b1", "c1", "b2", "a2")
          yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
          const others = Array.from(yield* Queue.takeAll(seen))
          // A transaction of several events is undone by the one that fails.
          assert.deepStrictEqual(others.slice(-3), ["b:b1", "b:c1", "b:b2"])
          isBroken = false
          yield* groups.release(name)
          yield* eventually(name, ({ held }) => held.length === 0)
          assert.deepStrictEqual(Array.from(yield* Queue.takeAll(seen)), ["a:a1", "a:c1", "a:a2"])
        })
      )

      it.effect(`${kind} releases exactly what waited under a key that is returned no more`, () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const { broken, category, name, options, take } = yield* setting
          broken.add("a1")
          const parking = { ...options, transactional, onFailure: "park" } as const
          const end = yield* host(
            Reactor.make({
              ...parking,
              key: (event) => (noteOf(event) === "b2" ? "other" : "old")
            })
          )
          yield* appendAll(category, "a1", "b1", "b2", "b3")
          assert.deepStrictEqual(yield* take(1), ["b2"])
          yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
          yield* end
          broken.clear()
          yield* host(Reactor.make({ ...parking, key: () => "new" }))
          yield* appendAll(category, "b4")
          assert.deepStrictEqual(yield* take(1), ["b4"])
          yield* eventually(name, ({ lagEvents }) => lagEvents === 0)
          yield* groups.release(name, { key: "old" })
          assert.deepStrictEqual(yield* take(3), ["a1", "b1", "b3"])
          yield* eventually(name, ({ held }) => held.length === 0)
        })
      )
    }

    it.effect("A reactor releases the events of a key that its key function returns no more", () =>
      Effect.gen(function* () {
        const groups = yield* ConsumerGroups
        const { broken, category, name, options, take } = yield* setting
        broken.add("a1")
        const end = yield* host(Reactor.make({ ...options, onFailure: "park", key: () => "old" }))
        yield* appendAll(category, "a1", "a2")
        yield* eventually(name, ({ held, lagEvents }) => held.length === 1 && lagEvents === 0)
        yield* end
        broken.clear()
        yield* host(Reactor.make({ ...options, onFailure: "park", key: () => "new" }))
        yield* groups.release(name, { key: "old" })
        assert.deepStrictEqual(yield* take(2), ["a1", "a2"])
        yield* eventually(name, ({ held }) => held.length === 0)
      })
    )

    it.effect("A reaction that interrupts itself is handled as a failure is", () =>
      Effect.gen(function* () {
        const { category, name, options } = yield* setting
        yield* host(Reactor.make({ ...options, react: () => Effect.interrupt }))
        yield* appendAll(category, "a1")
        const { held } = yield* eventually(name, ({ state }) => state === "stopped")
        assert.strictEqual(held[0]?.attempts, 2)
      })
    )
  })
}
