/**
 * Processes with process ids of their own, as in a container.
 */
import { spawnSync } from "node:child_process"
import * as process from "node:process"

/** The options, with which a process dies together with the program that started it. */
const UNSHARE = ["-Urpf", "--mount-proc", "--kill-child"]

/** True if namespaces are available: a system may refuse them to an ordinary user, or have none. */
const isAllowed = spawnSync("unshare", [...UNSHARE, "true"]).status === 0

/**
 * The id that a program sees for itself in its own namespace; absent where there are no namespaces.
 */
export const pid: number | undefined = isAllowed ? 1 : undefined

/**
 * Runs a program of Node in its own namespace where that is allowed, and elsewhere as an ordinary
 * process.
 */
export const node = (
  program: string,
  argument: string
): [command: string, args: ReadonlyArray<string>] =>
  isAllowed
    ? ["unshare", [...UNSHARE, process.execPath, program, argument]]
    : [process.execPath, [program, argument]]
