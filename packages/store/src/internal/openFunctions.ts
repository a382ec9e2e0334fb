/**
 * The functions of a log that others than its owner may call.
 *
 * They run with the owner's rights: each is `SECURITY DEFINER` with
 * `SET search_path = pg_catalog, pg_temp`, and trusts none of its arguments.
 */

/** For writers. */
export const APPENDING = ["append", "append_new"]

/** For writers and readers. */
export const READING = ["settled_position", "newest_append", "look_at_log"]
