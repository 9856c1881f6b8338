// The user interface's own few words.

const WORDS: Record<string, { close: string }> = {
  en: { close: "Close" },
  de: { close: "Schließen" },
  fr: { close: "Fermer" },
  es: { close: "Cerrar" },
  it: { close: "Chiudi" },
  nl: { close: "Sluiten" },
  pt: { close: "Fechar" },
};
const RTL = new Set(["ar", "fa", "he", "ur"]);

export function words(language: string): { close: string } {
  return WORDS[primary(language)] ?? { close: "Close" };
}

export function direction(language: string): "rtl" | "ltr" {
  return RTL.has(primary(language)) ? "rtl" : "ltr";
}

function primary(language: string): string {
  return language.split("-")[0]?.toLowerCase() ?? "";
}
