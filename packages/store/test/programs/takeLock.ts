/**
 * Says `ready`, waits for a line, takes the lock that its argument names, says whether it holds it, and
 * goes on doing so until its standard input ends. Then it dies without giving the lock back.
 */
import * as process from "node:process"
import { take } from "../../src/internal/folderLock.ts"

process.stdin.once("data", () => {
  void take(process.argv[2] ?? "").then((owner) =>
    process.stdout.write(owner === undefined ? "held\n" : "refused\n")
  )
})
process.stdin.on("end", () => process.exit())
process.stdout.write("ready\n")
