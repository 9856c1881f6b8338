"""English."""

PHRASES = {
    "it": ("This", "This element", "This one", "This"),
    "dismiss": ("Got it", "Close", "Got it!", "OK"),
    # The user's next step is known.
    "title.way.inactivity": ("Ready for the next step?", "Your next step", "Psst, this way", "Next step"),
    "title.way.rage_click": ("Try this instead", "Please try this instead", "Plan B", "Try this"),
    "title.way.dead_click": ("Try this instead", "Please try this instead", "So close", "Try this"),
    "title.way.back_and_forth": ("Looking for this?", "Your next step", "Found it for you", "Looking for this?"),
    "title.way.repeated_error": (
        "Let's get past that error",
        "How to resolve the error",
        "Let's beat that error",
        "Fix the error",
    ),
    "title.way.off_baseline": ("Here's your next step", "Your next step", "Back on the trail", "Next step"),
    "title.way.help_sought": ("Here's what comes next", "Your next step", "Here's the trick", "Next step"),
    "lead.inactivity": ("Take your time.", "", "No rush.", ""),
    "lead.rage_click": (
        "That one isn't responding the way you'd expect.",
        "The element you selected is not responding.",
        "That one just won't play along.",
        "",
    ),
    "lead.dead_click": (
        "There's nothing to click there.",
        "No action is available there.",
        "That one's just for show.",
        "",
    ),
    "lead.back_and_forth": ("", "", "No more running back and forth.", ""),
    "lead.off_baseline": ("You've made a good start.", "", "Great start!", ""),
    "lead.help_sought": ("Happy to help.", "Thank you for asking.", "Glad you asked!", ""),
    "way.here": (
        "Next up: **{step}**. You'll find it right here.",
        "The next step is **{step}**. You will find it here.",
        "Next up: **{step}**. It's right here!",
        "Next: **{step}**, right here.",
    ),
    "way.this_page": (
        "Next up: **{step}**. You'll find it on this page.",
        "The next step is **{step}**. You will find it on this page.",
        "Next up: **{step}**. It's on this very page!",
        "Next: **{step}**, on this page.",
    ),
    "way.elsewhere": (
        "Next up: **{step}**. You'll find it on the **{page}** page.",
        "The next step is **{step}**. You will find it on the **{page}** page.",
        "Next up: **{step}**. Hop over to the **{page}** page!",
        "Next: **{step}**, on the **{page}** page.",
    ),
    "way.page": (
        "Next up: open the **{page}** page.",
        "The next step is to open the **{page}** page.",
        "Next stop: the **{page}** page!",
        "Next: open the **{page}** page.",
    ),
    "way.next": ("Next up: **{step}**.", "The next step is **{step}**.", "Next up: **{step}**!", "Next: **{step}**."),
    "way.start": (
        "A good place to start: **{step}**.",
        "We recommend starting with **{step}**.",
        "The fun starts here: **{step}**!",
        "Start with **{step}**.",
    ),
    "way.start_page": (
        "The **{page}** page is a good place to start.",
        "We recommend starting on the **{page}** page.",
        "The fun starts on the **{page}** page!",
        "Start on the **{page}** page.",
    ),
    # It is not known.
    "title.open.inactivity": ("Need a hand?", "Do you need assistance?", "Still there?", "Need help?"),
    "title.open.rage_click": ("Not responding?", "No response", "No luck?", "No response?"),
    "title.open.dead_click": ("Nothing happens here", "No action available", "Just for show", "Not clickable"),
    "title.open.back_and_forth": (
        "Looking for something?",
        "Are you looking for something?",
        "On a treasure hunt?",
        "Looking for something?",
    ),
    "title.open.repeated_error": ("That didn't work", "An error keeps occurring", "That error again", "Error"),
    "title.open.off_baseline": ("Need a hand?", "Do you need assistance?", "Lost the trail?", "Need help?"),
    "title.open.help_sought": ("How can we help?", "How can we help you?", "We're all ears", "How can we help?"),
    "advice.inactivity": (
        "Nothing is lost: carry on whenever you're ready. If this isn't the page you need, try the menu.",
        "You may continue at any time. If this is not the page you need, please use the menu.",
        "No rush, everything is where you left it. If it's the wrong page, the menu knows the way.",
        "Carry on any time. Wrong page? Use the menu.",
    ),
    "advice.rage_click": (
        "{it} doesn't seem to respond. Give it a few seconds. If nothing changes, reload the page and try again.",
        (
            "{it} does not respond at the moment. Please wait a few seconds. "
            "If nothing changes, please reload the page and try again."
        ),
        "{it} is taking a nap. Give it a few seconds. Still asleep? Reload the page and try again.",
        "{it} isn't responding. Wait a few seconds, then reload the page.",
    ),
    "advice.dead_click": (
        "{it} doesn't do anything when you click it. Look for a button or a link close by.",
        "{it} has no function of its own. Please use a button or a link nearby.",
        "{it} only looks clickable. A button or a link close by will do the job.",
        "{it} isn't clickable. Use a button or a link nearby.",
    ),
    "advice.back_and_forth": (
        "It may not be on these pages. Try the menu.",
        "It may not be on these pages. Please try the menu.",
        "It may be hiding somewhere else. Ask the menu!",
        "Not on these pages? Try the menu.",
    ),
    "advice.repeated_error": (
        "The same error came up a few times. Wait a minute, then try again.",
        "The same error has occurred several times. Please wait a minute, then try again.",
        "That error just won't let go. Give it a minute, then try again.",
        "Wait a minute, then try again.",
    ),
    "advice.repeated_error.form": (
        (
            "Something in the form isn't accepted yet. Check that required fields are filled in and that "
            "dates, numbers and e-mail addresses are complete."
        ),
        (
            "The form has not been accepted yet. Please check the required fields and the format of "
            "dates, numbers and e-mail addresses."
        ),
        "The form is being picky. Check for empty fields and half-typed dates, numbers or e-mail addresses.",
        "Check the required fields and the format of dates, numbers and e-mail addresses.",
    ),
    "advice.repeated_error.js": (
        "Something on this page isn't working. Copy what you've typed, then reload the page and try again.",
        "Part of this page is not working. Please copy your entries, reload the page and try again.",
        "This page has tripped over itself. Copy what you've typed, reload and try again.",
        "Copy what you've typed, reload the page, try again.",
    ),
    "advice.off_baseline": (
        "If this isn't the page you need, try the menu.",
        "If this is not the page you need, please use the menu.",
        "Wrong page? The menu knows the way.",
        "Wrong page? Use the menu.",
    ),
    "advice.help_sought": (
        "Tell us in a few words what you'd like to do, and we'll point the way.",
        "Please tell us in a few words what you would like to do.",
        "Tell us what you're after in a few words, and we'll point the way.",
        "What would you like to do?",
    ),
    "title.hand_over": ("We've passed it on", "Your question was passed on", "Help is on its way", "Passed on"),
    "body.hand_over": (
        "Thanks for asking! Your question is now with a person on our team.",
        "Thank you for your question. It is now with a member of our team.",
        "Good one! A real person on our team has your question now.",
        "A person on our team has your question.",
    ),
}
