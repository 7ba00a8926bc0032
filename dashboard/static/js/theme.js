// Runs before the first paint (a classic script on purpose), so that no wrong theme flashes.
(() => {
  try {
    const theme = localStorage.getItem("usage-analytics.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden in a frame: the system's theme it is.
  }
})();
