/**
 * Writes the reference of the packages: a page for each public module, from its doc comments.
 *
 * The pages lie in `docs/reference/api`, which is not in the repository.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Application, type TypeDocOptions } from "typedoc"
import type { PluginOptions } from "typedoc-plugin-markdown"

const repository = Path.resolve(import.meta.dirname, "../..")
const out = Path.join(repository, "docs/reference/api")

/** A package that is published, with the sources of its public modules. */
interface Published {
  readonly name: string
  readonly modules: ReadonlyArray<string>
}

const published: ReadonlyArray<Published> = Fs.readdirSync(Path.join(repository, "packages"))
  .map((name) => Path.join(repository, "packages", name))
  .filter((folder) => Fs.existsSync(Path.join(folder, "package.json")))
  .flatMap((folder) => {
    const {
      exports,
      name,
      private: isPrivate
    } = JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8")) as {
      readonly name: string
      readonly private?: boolean
      readonly exports?: object
    }
    if (isPrivate === true) return []
    const patterns = Object.values(exports ?? {}).filter(
      (target): target is string => typeof target === "string" && target.endsWith(".ts")
    )
    return [
      { name, modules: patterns.flatMap((pattern) => Fs.globSync(Path.join(folder, pattern))) }
    ]
  })

const options: Partial<TypeDocOptions & PluginOptions> = {
  plugin: ["typedoc-plugin-markdown"],
  entryPoints: published.flatMap(({ modules }) => modules),
  tsconfig: Path.join(import.meta.dirname, "reference.tsconfig.json"),
  skipErrorChecking: true,
  out,
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  router: "module",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  excludeTags: ["@since"],
  pageTitleTemplates: {
    module: ({ name }: { readonly name: string }) => `@daybook/${name.replace("/src/", "/")}`
  },
  cleanOutputDir: true,
  blockTags: ["@category", "@since", "@see", "@stability", "@deprecated"],
  logLevel: "Warn"
}
const app = await Application.bootstrapWithPlugins(options)
const project = await app.convert()
if (project === undefined) process.exit(1)
await app.generateOutputs(project)
