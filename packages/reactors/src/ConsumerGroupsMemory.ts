/**
 * Consumer groups in memory, for tests and as the reference: they end with the process.
 *
 * @since 0.1.0
 */
import type { EventStore } from "@daybook/store/EventStore"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ConsumerGroups } from "./ConsumerGroups.ts"
import { make } from "./internal/group/service.ts"
import { driver } from "./internal/memory/driver.ts"

/**
 * Provides groups that all users of the built layer share.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ConsumerGroups, never, EventStore> = Layer.effect(
  ConsumerGroups,
  Effect.suspend(() => make(driver()))
).pipe(Layer.provide(SecureRandom.layerWebCrypto))
