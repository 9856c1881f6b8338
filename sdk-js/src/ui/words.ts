// The user interface's own few words.

interface Words {
  close: string;
  message: string;
}

const ENGLISH: Words = { close: "Close", message: "Message" };
const WORDS: Record<string, Words> = {
  de: { close: "Schließen", message: "Nachricht" },
  fr: { close: "Fermer", message: "Message" },
  es: { close: "Cerrar", message: "Mensaje" },
  it: { close: "Chiudi", message: "Messaggio" },
  nl: { close: "Sluiten", message: "Bericht" },
  pt: { close: "Fechar", message: "Mensagem" },
};
const RTL = new Set(["ar", "fa", "he", "ur"]);

export function words(language: string): Words {
  return WORDS[primary(language)] ?? ENGLISH;
}

export function direction(language: string): "rtl" | "ltr" {
  return RTL.has(primary(language)) ? "rtl" : "ltr";
}

function primary(language: string): string {
  return language.split("-")[0]?.toLowerCase() ?? "";
}
