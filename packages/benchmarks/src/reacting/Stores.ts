/**
 * The log and the consumer groups that reactors are measured on, of this process and of a host that
 * is killed.
 */
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as Layer from "effect/Layer"

export const layer = ConsumerGroupsPostgres.layer.pipe(
  Layer.provideMerge(EventStorePostgres.layer),
  Layer.provide(Layer.merge(PostgresMigrations.layer, ReactorMigrations.layer))
)
