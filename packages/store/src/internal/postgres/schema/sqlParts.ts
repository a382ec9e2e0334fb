/**
 * Pieces that several functions of the log share.
 *
 * `log` is the quoted name of a schema. It contains nothing that could end its quotes, so it can
 * stand in the bodies of functions, where PostgreSQL allows no parameters.
 */

/** The number of positions of an append: more than `MAX_EVENTS`, and a power of two. */
export const PLACES = 1_024n

/** The highest revision: the limit of the contract. */
export const MAX_REVISION = 2_147_483_647

/**
 * The longest idle time of a transaction with an append in it, in seconds: longer than any pause of
 * one that is in use.
 */
const IDLE_SECONDS = 60

/** The most streams that a call may write without taking the turn of large calls. */
export const FEW_STREAMS = 128

/** The most large calls at a time: each stream takes an entry in the server's lock table. */
export const LARGE_CALLS = 4

/**
 * SQL for the key of a turn of large calls, by its number. No stream has a line break in its name,
 * so no key is shared.
 */
export const largeCall = (log: string, number: string): string =>
  `hashtextextended('large call' || chr(10) || (${number}), ${namespace(log)})`

/**
 * Makes a transaction with an append in it wait for the disk, whatever the session's settings are:
 * anyone who knows the password of a login may change the initial settings of its sessions, for all
 * hosts. `EventStorePostgres.Durability` undoes it.
 */
export const waitForDisk = `IF current_setting('synchronous_commit') IN ('off', 'local') THEN
      IF current_setting('synchronous_commit') = 'off' OR current_setting('synchronous_standby_names') <> '' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
      END IF;
    END IF;`

/**
 * Ends a transaction with an append in it when its session is idle, and {@link waitForDisk}.
 *
 * A host that freezes with its transaction open would hold readers back until the server ends its
 * session, which a server does not do by default. So would a host that stops reading its answer; a
 * Unix socket has no such timeout.
 *
 * It has few expressions on the usual way: PL/pgSQL prepares each one again in every transaction.
 */
export const boundTransaction = `IF current_setting('idle_in_transaction_session_timeout') = '0' AND current_setting('tcp_user_timeout') = '0' THEN
      PERFORM set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true), set_config('tcp_user_timeout', '${IDLE_SECONDS}s', true);
    ELSIF current_setting('idle_in_transaction_session_timeout') <> '${IDLE_SECONDS / 60}min' OR current_setting('tcp_user_timeout') = '0' THEN
      IF current_setting('idle_in_transaction_session_timeout') = '0'
        OR current_setting('idle_in_transaction_session_timeout')::interval > interval '${IDLE_SECONDS} seconds'
      THEN
        PERFORM set_config('idle_in_transaction_session_timeout', '${IDLE_SECONDS}s', true);
      END IF;
      IF current_setting('tcp_user_timeout') = '0' THEN
        PERFORM set_config('tcp_user_timeout', '${IDLE_SECONDS}s', true);
      END IF;
    END IF;
    ${waitForDisk}`

const names = [
  "position",
  "occurred_at",
  "recorded_at",
  "event_id",
  "revision",
  "schema_version",
  "stream_id",
  "type",
  "data",
  "metadata"
]

/** The columns of an event. */
export const columns = names.join(", ")

/** The columns of an event `e`. */
export const qualified = names.map((name) => `e.${name}`).join(", ")

/**
 * The number that the advisory locks of a log share: the sequence's, since the sequence stays when
 * the events move into partitions.
 */
export const namespace = (log: string): string => `'${log}.append_number'::regclass::oid::bigint`

/** Refuses a fixed snapshot, under which a writer would not see the rows that it waited for. */
export const refuseFixedSnapshot = `IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append needs READ COMMITTED, not %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state';
  END IF;`

/** SQL for the low 32 bits of a bigint as a signed integer: shifting left drops the high half. */
export const signed32 = (bigint: string): string => `((((${bigint}) << 32) >> 32)::integer)`

/**
 * Reads the last position of the rows. It must come before the look at the sequence: an append
 * draws its number before its rows are visible.
 *
 * The query also takes {@link APPENDER_LOCK}, on the table alone, which costs less than a statement
 * of its own: PostgreSQL locks each table that a plan names, also where no row can come from it.
 *
 * `into`: where PL/pgSQL stores it, if this is a statement.
 */
export const endOfRows = (log: string, into = ""): string =>
  `SELECT e.position ${into} FROM ${log}.events e
      WHERE NOT EXISTS (SELECT FROM ONLY ${log}.events l WHERE false FOR KEY SHARE)
      ORDER BY e.position DESC LIMIT 1`

/**
 * The lock on the table of events that shows a transaction that appends: each append takes it
 * before it announces itself, and holds it until it is visible.
 *
 * A statement takes it only if it names the table, which needs USAGE on the schema. Any login may
 * have the two weaker or more usual ones on any relation by its number, without a grant, until its
 * transaction ends: `table_to_xmlschema` takes `AccessShareLock` and `nextval` `RowExclusiveLock`,
 * also on what is no sequence.
 */
export const APPENDER_LOCK = "RowShareLock"

/**
 * Refuses to draw a number from a sequence that lies below the rows: the append would get a
 * position in the middle of the history, which every subscriber has passed. A restore or a copy may
 * have left the log so; the message is the same as in `settled_position`.
 */
export const refuseUnsound = `IF ends > newest * ${PLACES} THEN
      RAISE EXCEPTION
        'the log has events up to position %, and its sequence is at %: run PostgresMigrations, which puts it right',
        ends, newest * ${PLACES} USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;`
