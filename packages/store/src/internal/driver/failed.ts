/**
 * The failure of a driver as an error of the service.
 */
import { EventStoreError } from "../../EventStore.ts"

/** Returns a function that adds the operation to a cause, unless the cause has one already. */
export const failed =
  (operation: string) =>
  (cause: unknown): EventStoreError =>
    cause instanceof EventStoreError ? cause : new EventStoreError({ operation, cause })
