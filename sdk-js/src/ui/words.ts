// The user interface's own few words.

const NAMES = [
  "close",
  "title",
  "minimise",
  "open",
  "unread",
  "log",
  "write",
  "send",
  "sending",
  "sent",
  "waiting",
  "again",
  "over",
] as const;

export type Words = Record<(typeof NAMES)[number], string>;

/** One line a language, in the order of `NAMES`; # stands for a number. */
export const LINES: Record<string, string> = {
  en: "Close|Help|Minimise|Open chat|# unread|Conversation|Write a message|Send|Sending…|Sent|Not sent yet|Try again|# characters too many",
  de: "Schließen|Hilfe|Minimieren|Chat öffnen|# ungelesen|Unterhaltung|Nachricht schreiben|Senden|Wird gesendet…|Gesendet|Noch nicht gesendet|Erneut versuchen|# Zeichen zu viel",
  fr: "Fermer|Aide|Réduire|Ouvrir la discussion|# non lus|Conversation|Écrire un message|Envoyer|Envoi…|Envoyé|Pas encore envoyé|Réessayer|# caractères en trop",
  es: "Cerrar|Ayuda|Minimizar|Abrir el chat|# sin leer|Conversación|Escribe un mensaje|Enviar|Enviando…|Enviado|Aún no enviado|Reintentar|# caracteres de más",
  it: "Chiudi|Aiuto|Riduci|Apri la chat|# non letti|Conversazione|Scrivi un messaggio|Invia|Invio…|Inviato|Non ancora inviato|Riprova|# caratteri di troppo",
  nl: "Sluiten|Hulp|Minimaliseren|Chat openen|# ongelezen|Gesprek|Schrijf een bericht|Versturen|Wordt verstuurd…|Verstuurd|Nog niet verstuurd|Opnieuw proberen|# tekens te veel",
  pt: "Fechar|Ajuda|Minimizar|Abrir o chat|# por ler|Conversa|Escreva uma mensagem|Enviar|A enviar…|Enviado|Ainda não enviado|Tentar de novo|# caracteres a mais",
  ar: "إغلاق|مساعدة|تصغير|فتح المحادثة|# غير مقروءة|المحادثة|اكتب رسالة|إرسال|جارٍ الإرسال…|أُرسلت|لم تُرسل بعد|أعد المحاولة|# حرفًا زائدًا",
};
const RTL = /^(ar|fa|he|ur)\b/i;

export function words(language: string): Words {
  const line = LINES[language.slice(0, 2).toLowerCase()] ?? LINES.en ?? "";
  const parts = line.split("|");
  return Object.fromEntries(NAMES.map((name, index) => [name, parts[index]])) as Words;
}

export function direction(language: string): "rtl" | "ltr" {
  return RTL.test(language) ? "rtl" : "ltr";
}
