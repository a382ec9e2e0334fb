import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as ShopTime from "../src/ShopTime.ts"

const utc = (text: string) =>
  Option.map(ShopTime.parse(text), (instant) => DateTime.formatIso(instant))

describe("ShopTime", () => {
  it("reads winter and summer times of London", () => {
    assert.deepStrictEqual(utc("12/1/2010 8:26"), Option.some("2010-12-01T08:26:00.000Z"))
    assert.deepStrictEqual(utc("7/1/2010 08:26"), Option.some("2010-07-01T07:26:00.000Z"))
  })

  it("moves a time that a clock change skips past the change", () => {
    assert.deepStrictEqual(utc("3/28/2010 1:30"), Option.some("2010-03-28T01:30:00.000Z"))
    assert.deepStrictEqual(utc("3/28/2010 2:30"), Option.some("2010-03-28T01:30:00.000Z"))
  })

  it("takes the first of two times that a clock change repeats", () => {
    assert.deepStrictEqual(utc("10/31/2010 1:30"), Option.some("2010-10-31T00:30:00.000Z"))
  })

  for (const text of [
    "13/45/2010 8:30",
    "2/29/2010 8:00",
    "2/30/2012 8:00",
    "0/1/2010 8:00",
    "12/1/2010 24:00",
    "12/1/2010 8:60",
    "12/1/2010",
    "2010-12-01 08:26",
    "12/1/10 8:26",
    "1/1/0000 8:26",
    ""
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.deepStrictEqual(ShopTime.parse(text), Option.none())
    })
  }

  it("finds the last Thursday before today, by the clock of London", () => {
    const on = (iso: string) => ShopTime.lastThursday(DateTime.makeUnsafe(iso))
    assert.deepStrictEqual(on("2026-11-19T12:00:00Z"), { year: 2026, month: 11, day: 12 })
    assert.deepStrictEqual(on("2026-11-20T12:00:00Z"), { year: 2026, month: 11, day: 19 })
    // Half past midnight on Friday in London.
    assert.deepStrictEqual(on("2026-07-02T23:30:00Z"), { year: 2026, month: 7, day: 2 })
  })

  it("shows times as the shop's clock shows them", () => {
    const day = { year: 2010, month: 7, day: 1 }
    assert.strictEqual(ShopTime.time(ShopTime.at(day, "15:00")), "15:00")
    assert.strictEqual(ShopTime.dateAndTime(ShopTime.at(day, "15:00")), "1 Jul 2010, 15:00")
  })
})
