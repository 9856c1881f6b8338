"""French. The formal voice says vous, the others tu."""

PHRASES = {
    "it": ("Ceci", "Cet élément", "Ce truc", "Ceci"),
    "dismiss": ("Compris", "Fermer", "Compris !", "OK"),
    "title.way.inactivity": ("On passe à la suite ?", "Votre prochaine étape", "Psst, par ici", "Étape suivante"),
    "title.way.rage_click": ("Essaie plutôt ceci", "Veuillez essayer ceci", "Plan B", "Essaie ceci"),
    "title.way.dead_click": ("Essaie plutôt ceci", "Veuillez essayer ceci", "Presque", "Essaie ceci"),
    "title.way.back_and_forth": (
        "Tu cherches ceci ?",
        "Votre prochaine étape",
        "Trouvé pour toi",
        "Tu cherches ceci ?",
    ),
    "title.way.repeated_error": (
        "Venons à bout de cette erreur",
        "Comment résoudre l'erreur",
        "À nous deux, l'erreur",
        "Corriger l'erreur",
    ),
    "title.way.off_baseline": ("Voici la suite", "Votre prochaine étape", "Retour sur la piste", "Étape suivante"),
    "title.way.help_sought": ("Voici la suite", "Votre prochaine étape", "Voici l'astuce", "Étape suivante"),
    "lead.inactivity": ("Prends ton temps.", "", "Rien ne presse.", ""),
    "lead.rage_click": (
        "Cet élément ne réagit pas comme prévu.",
        "L'élément choisi ne répond pas.",
        "Celui-là refuse de jouer le jeu.",
        "",
    ),
    "lead.dead_click": (
        "Il n'y a rien à cliquer à cet endroit.",
        "Aucune action n'est disponible à cet endroit.",
        "Celui-là est juste décoratif.",
        "",
    ),
    "lead.back_and_forth": ("", "", "Fini les allers-retours.", ""),
    "lead.off_baseline": ("C'est un bon début.", "", "Beau début !", ""),
    "lead.help_sought": ("Avec plaisir.", "Merci pour votre question.", "Bonne question !", ""),
    "way.here": (
        "La suite : **{step}**. C'est juste ici.",
        "La prochaine étape est **{step}**. Vous la trouverez ici.",
        "La suite : **{step}**. C'est ici !",
        "Suite : **{step}**, juste ici.",
    ),
    "way.this_page": (
        "La suite : **{step}**. C'est sur cette page.",
        "La prochaine étape est **{step}**. Vous la trouverez sur cette page.",
        "La suite : **{step}**. Tu es déjà sur la bonne page !",
        "Suite : **{step}**, sur cette page.",
    ),
    "way.elsewhere": (
        "La suite : **{step}**. C'est sur la page **{page}**.",
        "La prochaine étape est **{step}**. Vous la trouverez sur la page **{page}**.",
        "La suite : **{step}**. Direction la page **{page}** !",
        "Suite : **{step}**, sur la page **{page}**.",
    ),
    "way.page": (
        "La suite : ouvre la page **{page}**.",
        "Veuillez ouvrir maintenant la page **{page}**.",
        "Prochain arrêt : la page **{page}** !",
        "Suite : ouvrir la page **{page}**.",
    ),
    "way.next": (
        "La suite : **{step}**.",
        "La prochaine étape est **{step}**.",
        "La suite : **{step}** !",
        "Suite : **{step}**.",
    ),
    "way.start": (
        "Un bon point de départ : **{step}**.",
        "Nous vous conseillons de commencer par **{step}**.",
        "L'aventure commence ici : **{step}** !",
        "Commencer par **{step}**.",
    ),
    "way.start_page": (
        "La page **{page}** est un bon point de départ.",
        "Nous vous conseillons de commencer par la page **{page}**.",
        "L'aventure commence sur la page **{page}** !",
        "Commencer par la page **{page}**.",
    ),
    "title.open.inactivity": ("Un coup de main ?", "Pouvons-nous vous aider ?", "Toujours là ?", "Besoin d'aide ?"),
    "title.open.rage_click": ("Pas de réponse ?", "Aucune réponse", "Pas de chance ?", "Pas de réponse ?"),
    "title.open.dead_click": ("Il ne se passe rien ici", "Aucune action", "Juste décoratif", "Non cliquable"),
    "title.open.back_and_forth": (
        "Tu cherches quelque chose ?",
        "Cherchez-vous quelque chose ?",
        "Chasse au trésor ?",
        "Tu cherches ?",
    ),
    "title.open.repeated_error": ("Ça n'a pas marché", "Une erreur se répète", "Encore elle", "Erreur"),
    "title.open.off_baseline": ("Un coup de main ?", "Pouvons-nous vous aider ?", "Piste perdue ?", "Besoin d'aide ?"),
    "title.open.help_sought": (
        "Comment pouvons-nous aider ?",
        "Comment pouvons-nous vous aider ?",
        "On t'écoute",
        "Besoin d'aide ?",
    ),
    "advice.inactivity": (
        "Rien n'est perdu : reprends quand tu veux. Si ce n'est pas la bonne page, essaie le menu.",
        "Vous pouvez reprendre à tout moment. Si ce n'est pas la bonne page, veuillez utiliser le menu.",
        "Rien ne presse, tout est resté en place. Mauvaise page ? Le menu connaît le chemin.",
        "Reprends quand tu veux. Mauvaise page ? Vois le menu.",
    ),
    "advice.rage_click": (
        "{it} ne semble pas répondre. Attends quelques secondes. Si rien ne change, recharge la page et réessaie.",
        (
            "{it} ne répond pas pour le moment. Veuillez patienter quelques secondes. "
            "Si rien ne change, veuillez recharger la page."
        ),
        "{it} fait la sieste. Attends un peu. Toujours endormi ? Recharge la page et réessaie.",
        "{it} ne répond pas. Attends un peu, puis recharge la page.",
    ),
    "advice.dead_click": (
        "{it} ne fait rien quand on clique. Cherche un bouton ou un lien tout près.",
        "{it} n'a pas de fonction propre. Veuillez utiliser un bouton ou un lien à proximité.",
        "{it} a seulement l'air cliquable. Un bouton ou un lien tout près fera l'affaire.",
        "{it} n'est pas cliquable. Utilise un bouton ou un lien tout près.",
    ),
    "advice.back_and_forth": (
        "Ce n'est peut-être pas sur ces pages. Essaie le menu.",
        "Ce n'est peut-être pas sur ces pages. Veuillez essayer le menu.",
        "C'est peut-être caché ailleurs. Demande au menu !",
        "Pas sur ces pages ? Vois le menu.",
    ),
    "advice.repeated_error": (
        "La même erreur est revenue plusieurs fois. Attends une minute, puis réessaie.",
        "La même erreur s'est produite plusieurs fois. Veuillez patienter une minute, puis réessayer.",
        "Cette erreur s'accroche. Laisse-lui une minute, puis réessaie.",
        "Attends une minute, puis réessaie.",
    ),
    "advice.repeated_error.form": (
        (
            "Quelque chose dans le formulaire n'est pas encore accepté. Vérifie les champs obligatoires, "
            "les dates, les nombres et les adresses e-mail."
        ),
        (
            "Le formulaire n'a pas encore été accepté. Veuillez vérifier les champs obligatoires et le format "
            "des dates, des nombres et des adresses e-mail."
        ),
        "Le formulaire fait le difficile. Cherche les champs vides et les dates, nombres ou e-mails incomplets.",
        "Vérifie les champs obligatoires, les dates, les nombres et les e-mails.",
    ),
    "advice.repeated_error.js": (
        "Quelque chose ne marche pas sur cette page. Copie ce que tu as saisi, recharge la page et réessaie.",
        "Une partie de cette page ne fonctionne pas. Veuillez copier votre saisie, puis recharger la page.",
        "Cette page s'est pris les pieds dans le tapis. Copie ta saisie, recharge et réessaie.",
        "Copie ta saisie, recharge la page, réessaie.",
    ),
    "advice.off_baseline": (
        "Si ce n'est pas la bonne page, essaie le menu.",
        "Si ce n'est pas la bonne page, veuillez utiliser le menu.",
        "Mauvaise page ? Le menu connaît le chemin.",
        "Mauvaise page ? Vois le menu.",
    ),
    "advice.help_sought": (
        "Dis-nous en quelques mots ce que tu veux faire, et nous te montrerons le chemin.",
        "Veuillez nous dire en quelques mots ce que vous souhaitez faire.",
        "Dis-nous en quelques mots ce que tu cherches !",
        "Que veux-tu faire ?",
    ),
    "title.hand_over": ("C'est transmis", "Votre question a été transmise", "Les renforts arrivent", "Transmis"),
    "body.hand_over": (
        "Merci ! Ta question est maintenant entre les mains d'une personne de notre équipe.",
        "Merci pour votre question. Elle est maintenant entre les mains de notre équipe.",
        "Bonne question ! Une vraie personne de notre équipe s'en occupe.",
        "Une personne de notre équipe a ta question.",
    ),
}
