/**
 * Runs the tests that need message brokers: on the Kafka of `KAFKA_BROKERS` and the NATS server of
 * `NATS_URL`, or on those that the tests start themselves.
 *
 * What it starts is installed first, in the caches of Maven and Go and in a folder of the user's
 * cache, nothing in the checkout: Apache Kafka from Maven's registry, for which `java` and `mvn` are
 * needed, and the NATS server as a Go module, for which `go` is needed. Further arguments go to
 * Vitest.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const ROOT = Path.join(import.meta.dirname, "..")

/** The server that the tests run on: the newest when it was chosen. */
const NATS_VERSION = "v2.15.3"

const CACHE = Path.join(
  process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"),
  "daybook-brokers"
)

/** Returns those of the commands that are not on the path. */
export const missing = (commands: ReadonlyArray<string>, path: string): ReadonlyArray<string> =>
  commands.filter(
    (command) =>
      !path.split(Path.delimiter).some((folder) => Fs.existsSync(Path.join(folder, command)))
  )

const run = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}): void => {
  ChildProcess.execFileSync(command, args, {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env }
  })
}

/** Installs the jars of Kafka, and returns their class path. */
const installKafka = (): string => {
  const pom = Path.join(ROOT, ".ci/brokers/pom.xml")
  const list = Path.join(CACHE, "kafka.classpath")
  const isNew = !Fs.existsSync(list) || Fs.statSync(list).mtimeMs < Fs.statSync(pom).mtimeMs
  if (isNew || !Fs.readFileSync(list, "utf8").split(Path.delimiter).every(Fs.existsSync)) {
    console.log("Installing Kafka from Maven's registry")
    const output = `-Dmdep.outputFile=${list}`
    run("mvn", ["-q", "-B", "-f", pom, "dependency:build-classpath", output])
  }
  return Fs.readFileSync(list, "utf8")
}

/** Compiles the NATS server, and returns its path. */
const installNats = (): string => {
  const folder = Path.join(CACHE, `nats-${NATS_VERSION}`)
  const binary = Path.join(folder, "nats-server")
  if (!Fs.existsSync(binary)) {
    console.log(`Compiling the NATS server ${NATS_VERSION}; a minute on two cores`)
    const module = `github.com/nats-io/nats-server/v2@${NATS_VERSION}`
    run("go", ["install", module], { GOBIN: folder, CGO_ENABLED: "0" })
  }
  return binary
}

if (import.meta.main) {
  const absent = missing(["java", "mvn", "go"], process.env["PATH"] ?? "")
  if (absent.length > 0) {
    console.error(`No brokers: ${absent.join(", ")} not installed`)
    process.exitCode = 1
  } else {
    Fs.mkdirSync(CACHE, { recursive: true })
    const { status } = ChildProcess.spawnSync(
      process.execPath,
      [
        Path.join(ROOT, "node_modules/vitest/vitest.mjs"),
        "run",
        "--config",
        "vitest.brokers.ts",
        ...process.argv.slice(2)
      ],
      {
        cwd: ROOT,
        stdio: "inherit",
        env: {
          ...process.env,
          DAYBOOK_KAFKA_CLASSPATH: installKafka(),
          DAYBOOK_NATS_SERVER: installNats()
        }
      }
    )
    process.exitCode = status ?? 1
  }
}
