/**
 * `record_act`: records an administrative act.
 */

/**
 * Returns the statement that installs it. It records the login, which the caller can't choose; the
 * actor is only a claim.
 */
export const recordAct = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.record_act(
    p_act text, p_subject text, p_actor text, p_reason text, p_details json
  ) RETURNS void LANGUAGE plpgsql VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
  INSERT INTO ${log}.acts (acted_at, act, subject, login, actor, reason, details)
    VALUES (date_trunc('milliseconds', clock_timestamp()), p_act, p_subject, session_user, p_actor,
      p_reason, p_details);
END $$`
