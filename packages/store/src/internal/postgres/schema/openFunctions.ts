/**
 * The functions of a log that roles other than its owner may call.
 *
 * They run with the owner's rights: each is `SECURITY DEFINER` with
 * `SET search_path = pg_catalog, pg_temp`, and trusts none of its arguments. The functions of
 * `KEEPING` are the exception: they look at tables of others, so they run with the rights of their
 * caller.
 */

/** For writers. */
export const APPENDING = ["append", "try_append", "try_append_event"]

/** For writers: the functions that an append calls first if it maintains read models. */
export const KEEPING = ["lock_read_models", "foreign_code"]

/**
 * For roles that maintain read models; granted by name to a role that only the database's owner
 * knows.
 */
export const RECORDING = ["record_act"]

/** For writers and readers. */
export const READING = ["settled_position", "newest_append", "look_at_log", "position_at"]
