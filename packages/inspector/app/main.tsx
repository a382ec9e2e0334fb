import { createRoot } from "react-dom/client"
import { App } from "./App.tsx"

const page = document.getElementById("page")
if (page !== null) createRoot(page).render(<App />)
