/**
 * The law of snapshots, which must catch each mistake that it exists for.
 */
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Law from "@daybook/testing/Law"
import * as SnapshotLaws from "@daybook/testing/laws/SnapshotLaws"
import { assert, it } from "@effect/vitest"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BrokenPorts from "./brokenPorts.ts"
import { aggregate, HallCommand } from "./Hall.ts"

const stores = Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer)
const laws = SnapshotLaws.laws(aggregate, HallCommand)

/** Checks that the law finds steps that show the difference. */
const falsifies = (
  ports: Layer.Layer<EventStore | SnapshotStore, never, EventStore | SnapshotStore>,
  cachedStreams = 0,
  spoilt: (handler: CommandHandler["Service"]) => CommandHandler["Service"] = (handler) => handler
) =>
  Law.broken(laws, { runs: 300, size: 10, seed: "mistakes", maxShrinks: 0 }).pipe(
    Effect.map((broken) => broken.some(({ reason }) => reason._tag === "Falsified")),
    Effect.provide(
      Layer.effect(CommandHandler, Effect.map(CommandHandler, spoilt)).pipe(
        Layer.provide(CommandHandler.layerSnapshots(SnapshotPolicy.never)),
        Layer.provide(ports),
        Layer.provide(Layer.succeed(CachedStreams, cachedStreams)),
        Layer.provideMerge(stores)
      )
    )
  )

const right = Layer.effectContext(Effect.context<EventStore | SnapshotStore>())

it.effect("The law of snapshots finds nothing wrong where no mistake is made", () =>
  Effect.gen(function* () {
    assert.isFalse(yield* falsifies(right))
    assert.isFalse(yield* falsifies(right, 1))
  })
)

it.effect("The law of snapshots catches a state that is taken for the next one", () =>
  Effect.gen(function* () {
    assert.isTrue(yield* falsifies(Layer.merge(right, BrokenPorts.offByOne)))
  })
)

it.effect("The law of snapshots catches a fingerprint that is ignored", () =>
  Effect.gen(function* () {
    const fingerprint = yield* FoldFingerprint.make(aggregate)
    assert.isTrue(yield* falsifies(Layer.merge(right, BrokenPorts.fingerprintIgnored(fingerprint))))
  }).pipe(Effect.provide(Digest.layerWebCrypto))
)

it.effect("The law of snapshots catches a snapshot beyond the end of its stream", () =>
  Effect.gen(function* () {
    assert.isTrue(yield* falsifies(BrokenPorts.unfoundedAccepted))
  })
)

it.effect("The law of snapshots catches a command that is forgotten after a snapshot", () =>
  Effect.gen(function* () {
    const ports = Layer.merge(right, BrokenPorts.commandsForgotten)
    assert.isTrue(yield* falsifies(ports))
    assert.isTrue(yield* falsifies(ports, 1))
  })
)

it.effect("The law of snapshots catches an answer on an outdated cached state", () =>
  Effect.gen(function* () {
    const ports = Layer.merge(right, BrokenPorts.cacheTrusted)
    assert.isTrue(yield* falsifies(ports, 1))
  })
)

it.effect("The law of snapshots catches a position that is not the one of the last event", () =>
  Effect.gen(function* () {
    assert.isTrue(yield* falsifies(Layer.merge(right, BrokenPorts.earlierPositions)))
  })
)

it.effect("The law of snapshots catches an expected revision that is ignored", () =>
  Effect.gen(function* () {
    const forgetful = (handler: CommandHandler["Service"]) =>
      CommandHandler.of({
        ...handler,
        executeAll: (of, id, requests) => handler.executeAll(of, id, requests)
      })
    assert.isTrue(yield* falsifies(right, 1, forgetful))
  })
)

it.effect(
  "The law of snapshots catches an expected revision that is ignored on an empty stream",
  () =>
    Effect.gen(function* () {
      const forgetful = (handler: CommandHandler["Service"]) =>
        CommandHandler.of({
          ...handler,
          executeAll: (of, id, requests, options) =>
            Effect.flatMap(handler.load(of, id), ({ revision }) =>
              handler.executeAll(of, id, requests, revision === 0 ? {} : options)
            )
        })
      assert.isTrue(yield* falsifies(right, 0, forgetful))
    })
)
