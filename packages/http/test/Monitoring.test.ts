/**
 * The alerts, the dashboard and the guide of monitoring, as files.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import { alerts, dashboard, faultsOf, missingFrom, queries, read, ROOT } from "./prometheus.ts"

const guide = read("docs/guide/monitoring.md")

describe("the alerts and the dashboard", () => {
  it("have queries that Prometheus can read, and name labels that these have", () => {
    assert.isAbove(queries.length, 30)
    assert.deepStrictEqual(
      queries.flatMap((query) => faultsOf(query).map((fault) => `${query.name}: ${fault}`)),
      []
    )
  })

  it("would be refused with a query that is wrong", () => {
    const name = "a query"
    assert.isNotEmpty(faultsOf({ name, expr: "sum by (store (daybook_appends)" }))
    assert.isNotEmpty(faultsOf({ name, expr: "sum by (store) (x)", legend: "{{category}}" }))
    const series = [{ metric: "appends", labels: { store: "memory", outcome: "appended" } }]
    const missing = (expr: string) => missingFrom(series, { name, expr })
    assert.deepStrictEqual(missing('sum by (store, job) (rate(appends{job="x"}[5m]))'), [])
    assert.deepStrictEqual(missing("sum(append)"), ["append"])
    assert.deepStrictEqual(missing('appends{outcome="Failed"}'), ['appends{outcome="Failed"}'])
    assert.deepStrictEqual(missing('appends{outcome!="appended"}'), [
      'appends{outcome!="appended"}'
    ])
    assert.deepStrictEqual(missing("sum by (category) (rate(appends[5m]))"), [
      "category of appends"
    ])
  })

  it("are told of in the guide, each alert with its threshold and its patience", () => {
    const sections = new Map(
      guide
        .split("\n### ")
        .slice(1)
        .map((section) => [section.slice(0, section.indexOf("\n")), section])
    )
    assert.deepStrictEqual(
      [...sections.keys()],
      alerts.map(({ alert }) => alert)
    )
    for (const { alert, expr, for: patience, labels } of alerts) {
      const section = sections.get(alert) ?? ""
      assert.include(section, `\`${patience}\``, alert)
      assert.include(["critical", "warning"], labels.severity)
      const [, threshold] = /> ([\d.]+)(?: unless .*)?$/s.exec(expr) ?? []
      const state = /state="([\w ]+)"\}\) == 1$/.exec(expr)?.[1]
      if (threshold !== undefined)
        assert.match(section, new RegExp(`\`(?:> )?${threshold}\``), alert)
      else if (state !== undefined) assert.include(section, `\`${state}\``, alert)
      else assert.match(expr, /^absent\(\w+\)$|up\{job="daybook"\}\) == 0$/)
    }
  })

  it("have panels with a title, a meaning, a unit and a legend, none over another", () => {
    const { panels, templating } = dashboard
    assert.strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length)
    assert.deepStrictEqual(
      templating.list.map(({ name }) => name),
      ["datasource", "job", "instance"]
    )
    const cells = new Set<string>()
    for (const { datasource, description, fieldConfig, gridPos, targets, title, type } of panels) {
      assert.isNotEmpty(title)
      const { h, w, x, y } = gridPos
      assert.isAtMost(x + w, 24, title)
      for (let cell = 0; cell < h * w; cell++) {
        const key = `${x + (cell % w)} ${y + Math.floor(cell / w)}`
        assert.isFalse(cells.has(key), `${title} lies over another panel`)
        cells.add(key)
      }
      if (type === "row") continue
      assert.strictEqual(datasource?.uid, "${datasource}", title)
      assert.match(description ?? "", /\.$/, title)
      assert.isNotEmpty(fieldConfig?.defaults.unit, title)
      for (const { expr, legendFormat } of targets ?? []) {
        assert.isNotEmpty(legendFormat, title)
        assert.include(expr, 'instance=~"$instance"', title)
      }
      assert.isNotEmpty(targets, title)
    }
  })
})

it("the guide of monitoring has every metric with its labels, and no other", () => {
  const defined = Fs.globSync("packages/{store,projections,reactors,publishing,http}/src/**/*.ts", {
    cwd: ROOT
  })
    .flatMap((file) => {
      const found = read(file).matchAll(/Metric\.(counter|gauge|histogram)\("(\w+)"/g)
      return Array.from(found, ([, kind, name]) => `${name} ${kind}`)
    })
    .toSorted()
  assert.isAbove(defined.length, 20)
  const rows = guide.matchAll(/^\| `(daybook_\w+)` +\| (\w+) +\|/gm)
  assert.deepStrictEqual(
    Array.from(rows, ([, name, kind]) => `${name} ${kind}`).toSorted(),
    defined
  )
})
