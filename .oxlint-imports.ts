/**
 * Who may import what: an oxlint configuration of its own, run by `pnpm check:imports`.
 *
 * The linter does it, not dependency-cruiser, because that one reads TypeScript through the
 * compiler's JavaScript API, which TypeScript 7 does not have.
 */

/** The one-way imports: what the `src` of each package may import of the others. */
const mayImport: Record<string, ReadonlyArray<string>> = {
  kernel: [],
  order: ["kernel"],
  store: ["kernel"],
  projections: ["kernel", "store"],
  reactors: ["kernel", "store"],
  publishing: ["kernel", "store", "reactors"],
  cluster: ["kernel", "store"],
  testing: ["kernel", "store", "projections", "reactors", "publishing"],
  http: ["kernel", "store", "projections", "reactors"],
  inspector: ["kernel", "store", "projections", "reactors", "http"],
  cli: ["kernel", "store", "projections", "reactors", "http"],
  "order-service": ["*"],
  benchmarks: ["*"],
  peers: ["*"],
  template: ["*"]
}

/** Packages whose `src` imports nothing else but the modules of `effect` that need no runtime. */
const purePackages = ["kernel", "order"]
const pureModules =
  "effect/{Array,BigInt,Brand,Cause,Chunk,Data,DateTime,Duration,Equal,Equivalence,Function,Hash,HashMap," +
  "HashSet,Iterable,Match,Number,Option,Order,Ordering,Predicate,Record,Result,Schema,SchemaAST," +
  "SchemaGetter,SchemaIssue,SchemaParser,SchemaTransformation,String,Struct,Tuple,Types,schema/SchemaJITCompiler}"

/**
 * Works as .gitignore does: a later line with `!` takes back what an earlier one forbids. What a
 * pattern takes back is not looked up in the patterns after it, so those with a `!` come last.
 */
interface Pattern {
  readonly group: ReadonlyArray<string>
  readonly message: string
}

const restrict = (...patterns: ReadonlyArray<Pattern>) => ({
  "no-restricted-imports": [
    "error",
    { patterns: patterns.map((pattern) => ({ ...pattern, caseSensitive: true })) }
  ]
})

const internals: Pattern = {
  group: ["@daybook/*/internal/**", "@daybook/*/src/**", "../../**/[a-z]*/src/**"],
  message: "The inside of another package is its own."
}

const outside: Pattern = {
  group: ["../**/test/**", "../**/scripts/**"],
  message: "src imports nothing outside of src."
}

const ofEffect: Pattern = {
  group: ["effect", "!effect/**", "effect/[a-z]*", "!effect/[a-z]*/*"],
  message: "Import the module, not the barrel."
}

const ofEffectPackages: Pattern = {
  group: ["@effect/*", "!@effect/*/*", "!@effect/vitest"],
  message: "Import the module, not the barrel."
}

/** Laws are values; `LawSuite` alone registers them as tests. */
const ofEffectPackagesInSrc: Pattern = {
  group: ["@effect/*", "!@effect/*/*"],
  message: "Import the module, not the barrel; src has no tests."
}

const ofVitest: Pattern = { group: ["vitest"], message: "src has no tests." }

const srcRules = Object.entries(mayImport).map(([name, others]) => {
  const allowed = others.flatMap((other) => [
    `!@daybook/${other}/*`,
    `!@daybook/${other}/driver/*`,
    `!@daybook/${other}/sql/*`
  ])
  return {
    files: [`packages/${name}/src/**`],
    rules: purePackages.includes(name)
      ? restrict(internals, outside, {
          group: ["**", "!./**", "!../**", `!${pureModules}`, ...allowed],
          message: `${name} is pure: it imports ${["effect's pure modules", ...others].join(", ")}.`
        })
      : restrict(
          internals,
          outside,
          {
            group: ["@daybook/**", ...allowed],
            message: `${name} imports of the other packages: ${others.join(", ")}.`
          },
          ofEffectPackagesInSrc,
          ofVitest,
          ofEffect
        )
  }
})

export default {
  plugins: ["import", "typescript", "oxc"],
  categories: { correctness: "off" },
  ignorePatterns: ["**/node_modules", "**/dist", "**/.doc-examples"],
  rules: {
    // Types may form a cycle inside of a package: it exists in no program, and a type that stood apart
    // from its port only to avoid it would be one more module to know.
    "import/no-cycle": ["error", { ignoreTypes: true }],
    "import/no-self-import": "error",
    "oxc/no-barrel-file": ["error", { threshold: 0 }],
    // An `import("...")` in a type would pass the rules below unseen.
    "typescript/consistent-type-imports": "error",
    ...restrict(internals, ofEffectPackages, ofEffect)
  },
  overrides: [
    ...srcRules,
    {
      files: ["packages/testing/src/LawSuite.ts"],
      rules: restrict(internals, outside, ofEffectPackages, ofEffect)
    }
  ]
}
