/**
 * Batches calls: items that arrive while a call is under way wait, and go together in the next one.
 *
 * 1. An item that finds no call under way goes at once, so that none waits just to be batched.
 * 2. Each item is answered once; the items of a lane are taken in the order of their arrival.
 * 3. An item whose caller is interrupted before it was sent is withdrawn.
 * 4. A call that failed because of one item is repeated by halves, until that item fails alone.
 * 5. With `patience`, items do not wait for longer than twice that for the call before theirs.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Hash from "effect/Hash"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

export interface Options<Item, A, E> {
  /**
   * Returns the answers of the items, in their order. An answer is an effect that the caller runs,
   * such as an `Exit`.
   */
  readonly call: (
    items: Arr.NonEmptyReadonlyArray<Item>
  ) => Effect.Effect<ReadonlyArray<Effect.Effect<A, E>>, E>
  /**
   * Begins a batch. The function that it returns is called with one item after the other, and
   * returns false for the first one that does not fit; the first item of a batch always fits.
   */
  readonly fitting: () => (item: Item) => boolean
  /** Returns true if one item may have made the call fail; nothing happened to the others then. */
  readonly isOneItemsFault: (cause: Cause.Cause<E>) => boolean
  /**
   * Counts an item that was sent and whose caller was interrupted, until the function that it
   * returns is called.
   */
  readonly keep: (item: Item) => () => void
  /** The number of lanes that all keys share; each key has a lane of its own by default. */
  readonly lanes?: number
  /** The most items that wait in a lane; callers of further ones wait for room. */
  readonly capacity?: number
  /**
   * The time that items wait for the call under way at least, before the next call goes beside it.
   * They wait for its end by default.
   */
  readonly patience?: Duration.Duration
}

export interface Batcher<in Key extends string, in Item, in out A, in out E> {
  /** Waits for the answer of an item. Items of one key are called one batch at a time. */
  readonly submit: (key: Key, item: Item) => Effect.Effect<A, E>
  /**
   * Runs `alone` on the caller's fiber if no call of the key is under way; submits the item
   * otherwise.
   */
  readonly runOrSubmit: (key: Key, item: Item, alone: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** An item and its caller. */
interface Entry<Item, A, E> {
  readonly item: Item
  /** Runs the caller, synchronously. */
  readonly resume: (answer: Effect.Effect<A, E>) => void
  isAnswered: boolean
  release: (() => void) | undefined
}

type Batch<Item, A, E> = Arr.NonEmptyReadonlyArray<Entry<Item, A, E>>

/** The work of one fiber in a lane. */
interface Turn<Item, A, E> {
  /** The items of its call under way. */
  called: ReadonlyArray<Entry<Item, A, E>>
}

/** A queue with one call under way at a time, if items have the patience. */
interface Lane<Key, Item, A, E> {
  /** Undefined for a lane that keys share. */
  readonly key: Key | undefined
  /** The waiting items, in order of arrival. */
  readonly waiting: Set<Entry<Item, A, E>>
  /** Undefined if no call is under way. */
  turn: Turn<Item, A, E> | undefined
  /** True if a fiber watches that the lane goes on. */
  isWatched: boolean
  /** Opened when the lane has room; undefined unless callers wait for that. */
  room: Latch.Latch | undefined
}

/** Makes a batcher. When its scope closes, all waiting callers are interrupted. */
export const make = Effect.fnUntraced(function* <Key extends string, Item, A, E>(
  options: Options<Item, A, E>
): Effect.fn.Return<Batcher<Key, Item, A, E>, never, Scope.Scope> {
  const { call, capacity = Infinity, fitting, isOneItemsFault, keep, patience } = options
  // Calls run on fibers of their own, since any of their callers may be interrupted.
  const fork = yield* FiberSet.makeRuntime<never, void, never>()

  const makeLane = (key?: Key): Lane<Key, Item, A, E> => ({
    key,
    waiting: new Set(),
    turn: undefined,
    isWatched: false,
    room: undefined
  })
  const shared =
    options.lanes === undefined ? undefined : Arr.makeBy(options.lanes, () => makeLane())
  const own = new Map<Key, Lane<Key, Item, A, E>>()
  const laneOf = (key: Key): Lane<Key, Item, A, E> => {
    if (shared !== undefined) {
      return Arr.getUnsafe(shared, Math.abs(Hash.string(key)) % shared.length)
    }
    let lane = own.get(key)
    if (lane === undefined) {
      lane = makeLane(key)
      own.set(key, lane)
    }
    return lane
  }
  const rest = (lane: Lane<Key, Item, A, E>) => {
    lane.turn = undefined
    if (lane.key !== undefined) own.delete(lane.key)
  }
  const makeRoom = (lane: Lane<Key, Item, A, E>) => {
    if (lane.room === undefined || lane.waiting.size >= capacity) return
    lane.room.openUnsafe()
    lane.room = undefined
  }

  const callAll = (batch: Batch<Item, A, E>): Effect.Effect<void> =>
    Effect.matchCauseEffect(
      Effect.suspend(() => call(Arr.map(batch, ({ item }) => item))),
      {
        onSuccess: (answers) =>
          Effect.sync(() =>
            batch.forEach((entry, index) => settle(entry, Arr.getUnsafe(answers, index)))
          ),
        onFailure: (cause) => {
          if (batch.length > 1 && !Cause.hasInterrupts(cause) && isOneItemsFault(cause)) {
            const [left, right] = Arr.splitAtNonEmpty(batch, Math.ceil(batch.length / 2))
            return Effect.andThen(
              callAll(left),
              Arr.isReadonlyArrayNonEmpty(right) ? callAll(right) : Effect.void
            )
          }
          return Effect.sync(() => batch.forEach((entry) => settle(entry, Exit.failCause(cause))))
        }
      }
    )

  /** Calls until no item waits. Items that arrive while callers are answered go in the next. */
  const serve = (lane: Lane<Key, Item, A, E>, turn: Turn<Item, A, E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (lane.turn !== turn) return Effect.void
      const batch = take(lane.waiting, fitting())
      makeRoom(lane)
      if (Arr.isReadonlyArrayNonEmpty(batch)) {
        turn.called = batch
        return Effect.flatMap(callAll(batch), () => serve(lane, turn))
      }
      // In the same step as the check, so that no item can come in between and be forgotten.
      rest(lane)
      return Effect.void
    })

  /** Serves a lane from now on, in place of the fiber that did before. */
  const start = (lane: Lane<Key, Item, A, E>) => {
    if (lane.waiting.size === 0) {
      rest(lane)
      return
    }
    const turn: Turn<Item, A, E> = { called: [] }
    lane.turn = turn
    // It runs at once, up to the socket. Waiting until all ready fibers have run, so that their
    // items go in the same call, was no faster: under load a lane is never empty.
    fork(serve(lane, turn)).addObserver((exit) => {
      // The fiber fails only when its scope closes, or by a defect of the functions given here.
      if (Exit.isFailure(exit)) abort(lane, turn, exit.cause)
    })
  }

  const abort = (
    lane: Lane<Key, Item, A, E>,
    turn: Turn<Item, A, E>,
    cause: Cause.Cause<never>
  ) => {
    const entries = [...turn.called]
    if (lane.turn === turn) {
      entries.push(...lane.waiting)
      lane.waiting.clear()
      rest(lane)
      makeRoom(lane)
    }
    for (const entry of entries) settle(entry, Exit.failCause(cause))
  }

  /** Starts the next call of a lane whose call under way lasts, while items wait there. */
  const watch = (lane: Lane<Key, Item, A, E>, patience: Duration.Duration): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { turn } = lane
      const called = turn?.called
      return Effect.flatMap(Effect.sleep(patience), () => {
        if (lane.turn === undefined || lane.waiting.size === 0) {
          lane.isWatched = false
          return Effect.void
        }
        if (lane.turn === turn && turn.called === called) start(lane)
        return watch(lane, patience)
      })
    })

  const submit = (key: Key, item: Item): Effect.Effect<A, E> =>
    // One step: between two, the lane could come to rest.
    Effect.callback((resume) => {
      const lane = laneOf(key)
      if (lane.waiting.size >= capacity) {
        lane.room ??= Latch.makeUnsafe()
        resume(Effect.andThen(lane.room.await, submit(key, item)))
        return
      }
      const entry: Entry<Item, A, E> = { item, resume, isAnswered: false, release: undefined }
      lane.waiting.add(entry)
      if (lane.turn === undefined) start(lane)
      else if (patience !== undefined && !lane.isWatched) {
        lane.isWatched = true
        fork(watch(lane, patience))
      }
      return Effect.sync(() => {
        if (lane.waiting.delete(entry)) makeRoom(lane)
        else if (!entry.isAnswered) entry.release = keep(item)
      })
    })

  return {
    submit,
    runOrSubmit: (key, item, alone) =>
      // A caller that is interrupted between taking the lane and releasing it would hold it for
      // ever.
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const lane = laneOf(key)
          if (lane.turn !== undefined) return restore(submit(key, item))
          const turn: Turn<Item, A, E> = { called: [] }
          lane.turn = turn
          return Effect.ensuring(
            restore(alone),
            Effect.sync(() => {
              if (lane.turn === turn) start(lane)
            })
          )
        })
      )
  }
})

/** Takes the first waiting item and those after it that fit in one batch. */
const take = <Item, A, E>(
  waiting: Set<Entry<Item, A, E>>,
  fits: (item: Item) => boolean
): ReadonlyArray<Entry<Item, A, E>> => {
  const batch: Array<Entry<Item, A, E>> = []
  for (const entry of waiting) {
    if (!fits(entry.item) && batch.length > 0) break
    batch.push(entry)
    waiting.delete(entry)
  }
  return batch
}

const settle = <Item, A, E>(entry: Entry<Item, A, E>, answer: Effect.Effect<A, E>): void => {
  if (entry.isAnswered) return
  entry.isAnswered = true
  entry.release?.()
  entry.resume(answer)
}
