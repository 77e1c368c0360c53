// Light, dark, or as the system has it. The style sheet does the rest by `color-scheme`.

export type Theme = "light" | "dark" | "auto";

export function chooseTheme(wanted: string | null | undefined): Theme {
  return wanted === "light" || wanted === "dark" ? wanted : "auto";
}

/** @param dataset of the page's root element */
export function applyTheme(dataset: Record<string, string | undefined>, theme: Theme): void {
  if (theme === "auto") delete dataset.theme;
  else dataset.theme = theme;
}
