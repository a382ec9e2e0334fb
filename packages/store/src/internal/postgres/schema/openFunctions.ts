/**
 * The functions of a log that others than its owner may call.
 *
 * They run with the owner's rights: each is `SECURITY DEFINER` with
 * `SET search_path = pg_catalog, pg_temp`, and trusts none of its arguments. But for those of `KEEPING`, which look at tables
 * of others and so run with the rights of their caller.
 */

/** For writers. */
export const APPENDING = ["append", "append_new"]

/** For writers: what an append that keeps read models asks first. */
export const KEEPING = ["keep_read_models", "foreign_code"]

/** For who keeps read models; granted by name to a role that only the database's owner knows. */
export const RECORDING = ["record_act"]

/** For writers and readers. */
export const READING = ["settled_position", "newest_append", "look_at_log", "position_at"]
