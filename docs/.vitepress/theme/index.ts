/**
 * VitePress's own theme in the look of the inspector.
 */
import DefaultTheme from "vitepress/theme-without-fonts"
import "../../../packages/inspector/app/tokens.css"
import "./look.css"
import Home from "./Home.vue"
import type { Theme } from "vitepress"

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => void app.component("Home", Home)
} satisfies Theme
