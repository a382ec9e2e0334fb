/**
 * Consumer groups in PostgreSQL 15 or later, or in PGlite.
 *
 * @since 0.1.0
 */
import type { EventStore } from "@daybook/store/EventStore"
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import type { SchemaUnready } from "@daybook/store/PostgresStart"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { ConsumerGroups, GroupSettings } from "./ConsumerGroups.ts"
import { make } from "./internal/group/service.ts"
import * as Database from "./internal/postgres/database.ts"
import { driver } from "./internal/postgres/driver.ts"
import * as ReactorMigrations from "./ReactorMigrations.ts"
import { ReactorSchema } from "./ReactorSchema.ts"

/**
 * Provides the groups on the current SQL client, in the schema of {@link ReactorSchema}.
 *
 * **Details**
 * Work that commits with a checkpoint runs in a transaction of this client. The log may be in
 * another database; appends in such work need it in the same one, and its store on the same client.
 * Acts are recorded in the log of `PostgresSchema`, if it is in this database and the user may call
 * its `record_act`, and else beside the groups.
 * The tables must exist: provide `ReactorMigrations.layer` at the edge, or run it beforehand.
 * Errors: `NotMigrated`, the schema lacks migrations; `NotPermitted`, the user may not use it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ConsumerGroups, SchemaUnready, EventStore | SqlClient> =
  Layer.effect(
    ConsumerGroups,
    Effect.gen(function* () {
      yield* ReactorMigrations.check
      // A client may rename columns and JSON keys for its other users; rows must not be renamed.
      const sql = (yield* SqlClient).withoutTransforms()
      const settings = yield* GroupSettings
      const database = Database.make(sql, {
        schema: yield* ReactorSchema,
        log: yield* PostgresSchema,
        lease: Duration.toMillis(Duration.fromInputUnsafe(settings.lease))
      })
      return yield* make(driver(database))
    })
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
