/** Runs the `console` blocks of the documentation: commands after `$`, and what they print. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"

/** A command and the output that is shown below it. */
export interface Step {
  readonly command: string
  readonly output: string
}

/** Returns the steps of the first `console` block below a heading. */
export const stepsBelow = (markdown: string, heading: string): ReadonlyArray<Step> => {
  const section = markdown.split(`\n## ${heading}\n`)[1] ?? ""
  const block = /```console\n([^]*?)```/.exec(section)?.[1] ?? ""
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [, command = "", output = ""] = /^((?:.*\\\n)*.*)\n([^]*)$/.exec(step) ?? []
      return { command: command.replaceAll(/\\\n\s*/g, ""), output: output.trim() }
    })
}

/** Runs a command in a shell, and returns what it prints. */
export const inShell = async (command: string): Promise<string> => {
  const { stdout } = await promisify(execFile)("sh", ["-c", command])
  return stdout
}

/** Does what `curl URL`, `-H` and `--json` do, where there is no curl. */
export const asFetch = async (command: string): Promise<string> => {
  const words = (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""))
  const headers = new Headers()
  let [url, body]: ReadonlyArray<string | undefined> = []
  for (let index = 1; index < words.length; index++) {
    const word = words[index] ?? ""
    if (word === "-H") {
      const [name = "", value = ""] = (words[++index] ?? "").split(/: (.*)/)
      headers.set(name, value)
    } else if (word === "--json") {
      body = words[++index]
      headers.set("content-type", "application/json")
    } else url = word
  }
  if (words[0] !== "curl" || url === undefined) throw new Error(`not understood: ${command}`)
  const post = body === undefined ? {} : { method: "POST", body }
  return (await fetch(`http://${url}`, { headers, ...post })).text()
}
