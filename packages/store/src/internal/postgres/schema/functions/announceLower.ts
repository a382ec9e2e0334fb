/**
 * `announce_lower`: announces an append by a number lower than the newest, whose lock another
 * session holds.
 */
import { namespace, signed32 } from "../sqlParts.ts"

/**
 * The farthest number is 2 to the power of this below the newest: half of the range that
 * `settled_position` can tell apart.
 */
const FARTHEST = 30

/**
 * Returns the statement that installs it.
 *
 * Any login that may connect may take advisory locks, in advance and for ever. Announcing a lower
 * number is always right: readers are held back a little further, until this append ends. The
 * number is drawn from a range that doubles with each try, so that it can't be foreseen.
 */
export const announceLower = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.announce_lower(p_newest bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  FOR i IN 1..${FARTHEST} LOOP
    IF pg_try_advisory_xact_lock_shared(
      ${signed32(namespace(log))},
      ${signed32("p_newest - 1 - floor(random() * (1::bigint << i))::bigint")})
    THEN
      RETURN;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'no append can be announced: others hold its locks' USING ERRCODE = 'lock_not_available';
END $$`
