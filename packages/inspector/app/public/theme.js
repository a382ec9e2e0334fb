// Sets the kept theme before the first paint. A page without storage follows the system.
try {
  const kept = localStorage.getItem("daybook.theme")
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept
} catch {}
