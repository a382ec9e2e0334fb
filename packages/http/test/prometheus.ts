/**
 * Reads the text of a scrape, and the queries of alerts and dashboards.
 */
import type { SyntaxNode } from "@lezer/common"
import { parser } from "@prometheus-io/lezer-promql"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parse } from "yaml"

export const ROOT = Path.join(import.meta.dirname, "../../..")

export const read = (file: string): string => Fs.readFileSync(Path.join(ROOT, file), "utf8")

type Labels = Readonly<Record<string, string>>

export interface Series {
  readonly metric: string
  readonly labels: Labels
}

/** Returns the series of a scrape. */
export const seriesOf = (scrape: string): ReadonlyArray<Series> =>
  scrape
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, metric = "", labels = ""] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
      const pairs = labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
      return {
        metric,
        labels: Object.fromEntries(Array.from(pairs, ([, name = "", value = ""]) => [name, value]))
      }
    })

/** A query of an alert or a panel. */
export interface Query {
  /** The name of the alert, or the title of the panel. */
  readonly name: string
  readonly expr: string
  readonly legend?: string
}

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const rules = parse(read("deploy/prometheus/daybook.rules.yml")) as {
  readonly groups: ReadonlyArray<{ readonly name: string; readonly rules: ReadonlyArray<Alert> }>
}

export const alerts = rules.groups.flatMap((group) => group.rules)

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly datasource?: { readonly uid: string }
  readonly targets?: ReadonlyArray<{ readonly expr: string; readonly legendFormat: string }>
}

export const dashboard = JSON.parse(read("deploy/grafana/daybook.json")) as {
  readonly panels: ReadonlyArray<Panel>
  readonly templating: { readonly list: ReadonlyArray<{ readonly name: string }> }
}

export const queries: ReadonlyArray<Query> = [
  ...alerts.map(({ alert, annotations, expr }) => ({
    name: alert,
    expr,
    // Labels stand in the sentence of an alert as those of a series do in its legend.
    legend: annotations.summary.replaceAll("$labels.", "").replaceAll(/\{\{ *\$value[^}]*\}\}/g, "")
  })),
  ...dashboard.panels.flatMap(({ targets = [], title }) =>
    targets.map(({ expr, legendFormat }) => ({
      name: title,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/"\$\w+"/g, '".*"'),
      legend: legendFormat
    }))
  )
]

/** The labels that Prometheus adds to every series. */
const OF_TARGETS = new Set(["job", "instance"])

/** The metrics that Prometheus makes itself. */
const OF_SCRAPES = new Set(["up"])

/** Returns the faults of a query by its syntax alone, and of the labels in its legend. */
export const faultsOf = ({ expr, legend = "" }: Query): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const labels = new Set<string>()
  parser.parse(expr).iterate({
    enter: ({ from, to, type }) => {
      if (type.isError) faults.push(`can't be read at ${from}: ${expr}`)
      if (type.name === "LabelName") labels.add(expr.slice(from, to))
    }
  })
  for (const [, name = ""] of legend.matchAll(/\{\{ *(\w+) *\}\}/g)) {
    if (!labels.has(name)) faults.push(`${name} is no label of ${expr}`)
  }
  return faults
}

/** Returns the metrics, labels and values of a query that no series of a scrape has. */
export const missingFrom = (
  series: ReadonlyArray<Series>,
  { expr }: Query
): ReadonlyArray<string> => {
  const missing: Array<string> = []
  const textOf = ({ from, to }: SyntaxNode) => expr.slice(from, to)
  parser.parse(expr).iterate({
    enter: ({ node, type }) => {
      if (type.name !== "VectorSelector") return
      const identifier = node.getChild("Identifier")
      const metric = identifier === null ? "" : textOf(identifier)
      if (OF_SCRAPES.has(metric)) return
      const matchers = (node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [])
        .map((matcher) => /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(textOf(matcher)))
        .map((parts) => ({ name: parts?.[1] ?? "", op: parts?.[2], value: parts?.[3] ?? "" }))
        .filter(({ name }) => !OF_TARGETS.has(name))
      const found = series.find(
        (one) =>
          one.metric === metric &&
          matchers.every(({ name, op, value }) => {
            const actual = one.labels[name]
            if (actual === undefined) return false
            const isEqual = new RegExp(`^(?:${value})$`).test(actual)
            return op?.startsWith("!") === true ? !isEqual : isEqual
          })
      )
      if (found === undefined) {
        missing.push(textOf(node))
        return
      }
      for (const label of groupedBy(node, textOf)) {
        if (!OF_TARGETS.has(label) && !(label in found.labels)) {
          missing.push(`${label} of ${metric}`)
        }
      }
    }
  })
  return missing
}

/** Returns the labels by which the aggregations around a selector group. */
const groupedBy = (
  selector: SyntaxNode,
  textOf: (node: SyntaxNode) => string
): ReadonlyArray<string> => {
  const labels: Array<string> = []
  for (let node = selector.parent; node !== null; node = node.parent) {
    const grouping = node.getChild("AggregateModifier")?.getChild("GroupingLabels")
    if (node.type.name === "AggregateExpr" && grouping) {
      labels.push(...grouping.getChildren("LabelName").map(textOf))
    }
  }
  return labels
}
