/**
 * Processes with process ids of their own, as in a container.
 */
import { spawnSync } from "node:child_process"
import * as process from "node:process"

/** It dies with the program that asked for it. */
const UNSHARE = ["-Urpf", "--mount-proc", "--kill-child"]

/** A system may refuse new namespaces to an ordinary user, or know none. */
const isAllowed = spawnSync("unshare", [...UNSHARE, "true"]).status === 0

/** The id that a program in a namespace of its own finds itself to have; absent where there are no namespaces. */
export const pid: number | undefined = isAllowed ? 1 : undefined

/** Runs a program of Node in a namespace of its own where that is allowed, and elsewhere as an ordinary process. */
export const node = (
  program: string,
  argument: string
): [command: string, args: ReadonlyArray<string>] =>
  isAllowed
    ? ["unshare", [...UNSHARE, process.execPath, program, argument]]
    : [process.execPath, [program, argument]]
