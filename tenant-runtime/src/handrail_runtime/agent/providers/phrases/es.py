"""Spanish. The formal voice says usted, the others tú."""

PHRASES = {
    "it": ("Esto", "Este elemento", "Esto", "Esto"),
    "dismiss": ("Entendido", "Cerrar", "¡Entendido!", "OK"),
    "title.way.inactivity": ("¿Seguimos con el próximo paso?", "Su próximo paso", "Psst, por aquí", "Próximo paso"),
    "title.way.rage_click": ("Prueba con esto", "Pruebe con esto", "Plan B", "Prueba esto"),
    "title.way.dead_click": ("Prueba con esto", "Pruebe con esto", "Casi", "Prueba esto"),
    "title.way.back_and_forth": ("¿Buscas esto?", "Su próximo paso", "Lo encontramos", "¿Buscas esto?"),
    "title.way.repeated_error": (
        "Superemos ese error",
        "Cómo resolver el error",
        "A por ese error",
        "Corregir el error",
    ),
    "title.way.off_baseline": ("Este es tu próximo paso", "Su próximo paso", "De vuelta al camino", "Próximo paso"),
    "title.way.help_sought": ("Esto es lo que sigue", "Su próximo paso", "Este es el truco", "Próximo paso"),
    "lead.inactivity": ("Tómate tu tiempo.", "", "Sin prisa.", ""),
    "lead.rage_click": (
        "Eso no responde como debería.",
        "El elemento elegido no responde.",
        "Eso no quiere colaborar.",
        "",
    ),
    "lead.dead_click": (
        "Ahí no hay nada que pulsar.",
        "Ahí no hay ninguna acción disponible.",
        "Eso es solo adorno.",
        "",
    ),
    "lead.back_and_forth": ("", "", "Se acabó el ir y venir.", ""),
    "lead.off_baseline": ("Has empezado bien.", "", "¡Buen comienzo!", ""),
    "lead.help_sought": ("Con gusto.", "Gracias por su pregunta.", "¡Buena pregunta!", ""),
    "way.here": (
        "Lo siguiente: **{step}**. Lo tienes aquí mismo.",
        "El próximo paso es **{step}**. Lo encontrará aquí.",
        "Lo siguiente: **{step}**. ¡Aquí mismo!",
        "Sigue: **{step}**, aquí mismo.",
    ),
    "way.this_page": (
        "Lo siguiente: **{step}**. Está en esta página.",
        "El próximo paso es **{step}**. Lo encontrará en esta página.",
        "Lo siguiente: **{step}**. ¡Ya estás en la página correcta!",
        "Sigue: **{step}**, en esta página.",
    ),
    "way.elsewhere": (
        "Lo siguiente: **{step}**. Está en la página **{page}**.",
        "El próximo paso es **{step}**. Lo encontrará en la página **{page}**.",
        "Lo siguiente: **{step}**. ¡Salta a la página **{page}**!",
        "Sigue: **{step}**, en la página **{page}**.",
    ),
    "way.page": (
        "Lo siguiente: abre la página **{page}**.",
        "El próximo paso es abrir la página **{page}**.",
        "Próxima parada: ¡la página **{page}**!",
        "Sigue: abrir la página **{page}**.",
    ),
    "way.next": (
        "Lo siguiente: **{step}**.",
        "El próximo paso es **{step}**.",
        "Lo siguiente: ¡**{step}**!",
        "Sigue: **{step}**.",
    ),
    "way.start": (
        "Un buen comienzo: **{step}**.",
        "Le recomendamos empezar por **{step}**.",
        "Todo empieza aquí: ¡**{step}**!",
        "Empieza por **{step}**.",
    ),
    "way.start_page": (
        "La página **{page}** es un buen comienzo.",
        "Le recomendamos empezar en la página **{page}**.",
        "¡Todo empieza en la página **{page}**!",
        "Empieza en la página **{page}**.",
    ),
    "title.open.inactivity": ("¿Te ayudamos?", "¿Necesita ayuda?", "¿Sigues ahí?", "¿Ayuda?"),
    "title.open.rage_click": ("¿No responde?", "Sin respuesta", "¿Sin suerte?", "¿No responde?"),
    "title.open.dead_click": ("Aquí no pasa nada", "Ninguna acción disponible", "Solo adorno", "No se puede pulsar"),
    "title.open.back_and_forth": ("¿Buscas algo?", "¿Busca algo?", "¿En busca del tesoro?", "¿Buscas algo?"),
    "title.open.repeated_error": ("No ha funcionado", "Un error se repite", "Otra vez ese error", "Error"),
    "title.open.off_baseline": ("¿Te ayudamos?", "¿Necesita ayuda?", "¿Perdiste el rastro?", "¿Ayuda?"),
    "title.open.help_sought": (
        "¿En qué te ayudamos?",
        "¿En qué podemos ayudarle?",
        "Somos todo oídos",
        "¿En qué te ayudamos?",
    ),
    "advice.inactivity": (
        "No se pierde nada: sigue cuando quieras. Si no es la página que buscas, prueba el menú.",
        "Puede continuar en cualquier momento. Si no es la página que busca, utilice el menú.",
        "Sin prisa, todo sigue en su sitio. ¿Página equivocada? El menú conoce el camino.",
        "Sigue cuando quieras. ¿Página equivocada? Usa el menú.",
    ),
    "advice.rage_click": (
        "{it} no parece responder. Espera unos segundos. Si nada cambia, recarga la página e inténtalo de nuevo.",
        "{it} no responde en este momento. Espere unos segundos. Si nada cambia, recargue la página.",
        "{it} está echando una siesta. Espera un poco. ¿Sigue igual? Recarga la página e inténtalo de nuevo.",
        "{it} no responde. Espera un poco y recarga la página.",
    ),
    "advice.dead_click": (
        "{it} no hace nada al pulsarlo. Busca un botón o un enlace cerca.",
        "{it} no tiene función propia. Utilice un botón o un enlace cercano.",
        "{it} solo parece un botón. Uno de verdad, o un enlace, estará cerca.",
        "{it} no se puede pulsar. Usa un botón o un enlace cercano.",
    ),
    "advice.back_and_forth": (
        "Puede que no esté en estas páginas. Prueba el menú.",
        "Puede que no esté en estas páginas. Pruebe el menú.",
        "Puede que se esconda en otro sitio. ¡Pregunta al menú!",
        "¿No está en estas páginas? Prueba el menú.",
    ),
    "advice.repeated_error": (
        "El mismo error ha salido varias veces. Espera un minuto e inténtalo de nuevo.",
        "El mismo error se ha producido varias veces. Espere un minuto e inténtelo de nuevo.",
        "Ese error no se rinde. Dale un minuto e inténtalo de nuevo.",
        "Espera un minuto e inténtalo de nuevo.",
    ),
    "advice.repeated_error.form": (
        (
            "Algo del formulario aún no se acepta. Revisa los campos obligatorios, "
            "las fechas, los números y las direcciones de correo."
        ),
        (
            "El formulario aún no se ha aceptado. Revise los campos obligatorios y el formato "
            "de las fechas, los números y las direcciones de correo."
        ),
        "El formulario es exigente. Busca campos vacíos y fechas, números o correos a medias.",
        "Revisa los campos obligatorios, las fechas, los números y los correos.",
    ),
    "advice.repeated_error.js": (
        "Algo no funciona en esta página. Copia lo que has escrito, recarga la página e inténtalo de nuevo.",
        "Una parte de esta página no funciona. Copie lo que ha escrito y recargue la página.",
        "Esta página ha tropezado. Copia lo que has escrito, recarga e inténtalo de nuevo.",
        "Copia lo que has escrito, recarga la página e inténtalo de nuevo.",
    ),
    "advice.off_baseline": (
        "Si no es la página que buscas, prueba el menú.",
        "Si no es la página que busca, utilice el menú.",
        "¿Página equivocada? El menú conoce el camino.",
        "¿Página equivocada? Usa el menú.",
    ),
    "advice.help_sought": (
        "Cuéntanos en pocas palabras qué quieres hacer y te mostramos el camino.",
        "Díganos en pocas palabras qué desea hacer.",
        "¡Cuéntanos en pocas palabras qué buscas!",
        "¿Qué quieres hacer?",
    ),
    "title.hand_over": (
        "Lo hemos pasado al equipo",
        "Hemos trasladado su pregunta",
        "La ayuda va en camino",
        "Enviado",
    ),
    "body.hand_over": (
        "¡Gracias por preguntar! Una persona de nuestro equipo ya tiene tu pregunta.",
        "Gracias por su pregunta. Ya está en manos de nuestro equipo.",
        "¡Buena pregunta! Una persona de verdad de nuestro equipo ya la tiene.",
        "Una persona de nuestro equipo tiene tu pregunta.",
    ),
}
