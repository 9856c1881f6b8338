"""German. The formal voice says Sie, the others du."""

PHRASES = {
    "it": ("Das hier", "Dieses Element", "Das hier", "Das"),
    "dismiss": ("Alles klar", "Schließen", "Alles klar!", "OK"),
    "title.way.inactivity": ("Bereit für den nächsten Schritt?", "Ihr nächster Schritt", "Psst, hier lang", "Weiter"),
    "title.way.rage_click": ("Probier es so", "Bitte versuchen Sie es so", "Plan B", "Besser so"),
    "title.way.dead_click": ("Probier es so", "Bitte versuchen Sie es so", "Knapp daneben", "Besser so"),
    "title.way.back_and_forth": ("Suchst du das hier?", "Ihr nächster Schritt", "Für dich gefunden", "Gesucht?"),
    "title.way.repeated_error": (
        "So kommst du weiter",
        "So beheben Sie den Fehler",
        "Gemeinsam gegen den Fehler",
        "Fehler beheben",
    ),
    "title.way.off_baseline": ("Hier geht es weiter", "Ihr nächster Schritt", "Zurück auf die Spur", "Weiter"),
    "title.way.help_sought": ("So geht es weiter", "Ihr nächster Schritt", "So klappt's", "Weiter"),
    "lead.inactivity": ("Lass dir Zeit.", "", "Keine Eile.", ""),
    "lead.rage_click": (
        "Das reagiert gerade nicht so, wie es soll.",
        "Das gewählte Element reagiert nicht.",
        "Da spielt etwas nicht mit.",
        "",
    ),
    "lead.dead_click": (
        "Dort gibt es nichts anzuklicken.",
        "Dort steht keine Funktion zur Verfügung.",
        "Das ist dort nur Zierde.",
        "",
    ),
    "lead.back_and_forth": ("", "", "Genug hin und her.", ""),
    "lead.off_baseline": ("Ein guter Anfang ist gemacht.", "", "Starker Anfang!", ""),
    "lead.help_sought": ("Gerne!", "Vielen Dank für Ihre Frage.", "Gut, dass du fragst!", ""),
    "way.here": (
        "Als Nächstes: **{step}**. Das findest du gleich hier.",
        "Der nächste Schritt ist **{step}**. Sie finden ihn hier.",
        "Als Nächstes: **{step}**. Genau hier!",
        "Weiter: **{step}**, gleich hier.",
    ),
    "way.this_page": (
        "Als Nächstes: **{step}**. Das findest du auf dieser Seite.",
        "Der nächste Schritt ist **{step}**. Sie finden ihn auf dieser Seite.",
        "Als Nächstes: **{step}**. Du bist schon auf der richtigen Seite!",
        "Weiter: **{step}**, auf dieser Seite.",
    ),
    "way.elsewhere": (
        "Als Nächstes: **{step}**. Das findest du auf der Seite **{page}**.",
        "Der nächste Schritt ist **{step}**. Sie finden ihn auf der Seite **{page}**.",
        "Als Nächstes: **{step}**. Ab auf die Seite **{page}**!",
        "Weiter: **{step}**, auf der Seite **{page}**.",
    ),
    "way.page": (
        "Als Nächstes: Öffne die Seite **{page}**.",
        "Bitte öffnen Sie als Nächstes die Seite **{page}**.",
        "Nächster Halt: die Seite **{page}**!",
        "Weiter: Seite **{page}** öffnen.",
    ),
    "way.next": (
        "Als Nächstes: **{step}**.",
        "Der nächste Schritt ist **{step}**.",
        "Als Nächstes: **{step}**!",
        "Weiter: **{step}**.",
    ),
    "way.start": (
        "Ein guter Anfang: **{step}**.",
        "Wir empfehlen, mit **{step}** zu beginnen.",
        "Hier geht's los: **{step}**!",
        "Anfangen mit **{step}**.",
    ),
    "way.start_page": (
        "Die Seite **{page}** ist ein guter Anfang.",
        "Wir empfehlen, auf der Seite **{page}** zu beginnen.",
        "Auf der Seite **{page}** geht's los!",
        "Anfangen auf der Seite **{page}**.",
    ),
    "title.open.inactivity": ("Können wir helfen?", "Können wir Ihnen helfen?", "Noch da?", "Hilfe?"),
    "title.open.rage_click": ("Reagiert nicht?", "Keine Reaktion", "Kein Glück?", "Keine Reaktion?"),
    "title.open.dead_click": ("Hier passiert nichts", "Keine Funktion", "Nur Zierde", "Nicht anklickbar"),
    "title.open.back_and_forth": ("Suchst du etwas?", "Suchen Sie etwas?", "Auf Schatzsuche?", "Gesucht?"),
    "title.open.repeated_error": ("Das hat nicht geklappt", "Wiederholter Fehler", "Schon wieder", "Fehler"),
    "title.open.off_baseline": ("Können wir helfen?", "Können wir Ihnen helfen?", "Spur verloren?", "Hilfe?"),
    "title.open.help_sought": ("Wie können wir helfen?", "Wie können wir Ihnen helfen?", "Wir sind ganz Ohr", "Hilfe?"),
    "advice.inactivity": (
        "Nichts geht verloren: Mach weiter, wann du möchtest. Falsche Seite? Dann hilft das Menü.",
        "Sie können jederzeit fortfahren. Falls dies nicht die gesuchte Seite ist, nutzen Sie bitte das Menü.",
        "Keine Eile, alles bleibt, wo es ist. Falsche Seite? Das Menü kennt den Weg.",
        "Jederzeit weiter. Falsche Seite? Zum Menü.",
    ),
    "advice.rage_click": (
        (
            "{it} reagiert offenbar nicht. Warte ein paar Sekunden. "
            "Tut sich nichts, lade die Seite neu und versuch es noch einmal."
        ),
        (
            "{it} reagiert zurzeit nicht. Bitte warten Sie einige Sekunden. "
            "Ändert sich nichts, laden Sie bitte die Seite neu."
        ),
        "{it} macht gerade ein Nickerchen. Warte kurz. Schläft es noch? Dann lade die Seite neu.",
        "{it} reagiert nicht. Kurz warten, dann Seite neu laden.",
    ),
    "advice.dead_click": (
        "{it} tut beim Klicken nichts. Schau nach einem Knopf oder Link in der Nähe.",
        "{it} hat keine eigene Funktion. Bitte nutzen Sie eine Schaltfläche oder einen Link in der Nähe.",
        "{it} sieht nur anklickbar aus. Ein Knopf oder Link in der Nähe erledigt es.",
        "{it} ist nicht anklickbar. Knopf oder Link in der Nähe nutzen.",
    ),
    "advice.back_and_forth": (
        "Vielleicht ist es nicht auf diesen Seiten. Versuch es mit dem Menü.",
        "Vielleicht ist es nicht auf diesen Seiten. Bitte versuchen Sie es mit dem Menü.",
        "Vielleicht versteckt es sich woanders. Frag das Menü!",
        "Nicht auf diesen Seiten? Zum Menü.",
    ),
    "advice.repeated_error": (
        "Derselbe Fehler kam ein paarmal. Warte eine Minute und versuch es dann noch einmal.",
        "Derselbe Fehler ist mehrmals aufgetreten. Bitte warten Sie eine Minute und versuchen Sie es erneut.",
        "Dieser Fehler ist anhänglich. Gib ihm eine Minute und versuch es dann noch einmal.",
        "Eine Minute warten, dann noch einmal versuchen.",
    ),
    "advice.repeated_error.form": (
        (
            "Im Formular stimmt etwas noch nicht. Sind alle Pflichtfelder ausgefüllt und "
            "Daten, Zahlen und E-Mail-Adressen vollständig?"
        ),
        (
            "Das Formular wurde noch nicht angenommen. Bitte prüfen Sie die Pflichtfelder und die Schreibweise von "
            "Daten, Zahlen und E-Mail-Adressen."
        ),
        "Das Formular ist wählerisch. Such nach leeren Feldern und halben Daten, Zahlen oder E-Mail-Adressen.",
        "Pflichtfelder, Daten, Zahlen und E-Mail-Adressen prüfen.",
    ),
    "advice.repeated_error.js": (
        "Auf dieser Seite klemmt etwas. Kopiere deine Eingaben, lade die Seite neu und versuch es noch einmal.",
        "Ein Teil dieser Seite funktioniert nicht. Bitte kopieren Sie Ihre Eingaben und laden Sie die Seite neu.",
        "Diese Seite ist über sich selbst gestolpert. Eingaben kopieren, neu laden, noch einmal versuchen.",
        "Eingaben kopieren, Seite neu laden, noch einmal versuchen.",
    ),
    "advice.off_baseline": (
        "Falsche Seite? Dann hilft das Menü.",
        "Falls dies nicht die gesuchte Seite ist, nutzen Sie bitte das Menü.",
        "Falsche Seite? Das Menü kennt den Weg.",
        "Falsche Seite? Zum Menü.",
    ),
    "advice.help_sought": (
        "Sag uns in ein paar Worten, was du vorhast, und wir zeigen dir den Weg.",
        "Bitte schreiben Sie uns in wenigen Worten, was Sie tun möchten.",
        "Verrate uns in ein paar Worten, was du vorhast!",
        "Was möchtest du tun?",
    ),
    "title.hand_over": (
        "Wir haben es weitergegeben",
        "Ihre Frage wurde weitergegeben",
        "Hilfe ist unterwegs",
        "Weitergegeben",
    ),
    "body.hand_over": (
        "Danke für deine Frage! Sie liegt jetzt bei einem Menschen aus unserem Team.",
        "Vielen Dank für Ihre Frage. Sie liegt jetzt bei unserem Team.",
        "Gute Frage! Ein echter Mensch aus unserem Team hat sie jetzt.",
        "Deine Frage liegt jetzt bei unserem Team.",
    ),
}
