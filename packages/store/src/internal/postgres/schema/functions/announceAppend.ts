/**
 * `announce_append`: announces, until the transaction ends, that it may still write appends past the newest of now.
 */
import { IDLE_SECONDS, namespace, signed32 } from "../shared.ts"

/**
 * Returns the statement that installs it.
 *
 * Keys of locks are 32 bits, so the number is cut to its low half; `settled_position` restores it. A host that freezes with its
 * transaction open would hold readers back until the server ends its session, which a server does not do by itself: until this
 * transaction ends it does, unless it was set to do so sooner or later. Likewise one that takes no more of its answer; a Unix socket has no such timeout.
 */
export const announceAppend = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.announce_append() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF current_setting('idle_in_transaction_session_timeout') = '0' THEN
    PERFORM set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true);
  END IF;
  IF current_setting('tcp_user_timeout') = '0' THEN
    PERFORM set_config('tcp_user_timeout', '${IDLE_SECONDS}s', true);
  END IF;
  PERFORM pg_advisory_xact_lock_shared(
    ${signed32(namespace(log))},
    ${signed32(`${log}.newest_append()`)});
END $$`
