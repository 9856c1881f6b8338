"""A context processor for Django: `"yoursite.handrail.handrail"` in TEMPLATES' `context_processors`."""

import json

from django.conf import settings
from django.utils.safestring import mark_safe
from yoursite.sign import identity_token  # examples/identity/sign.py


def handrail(request):
    """What templates/handrail.html fills in."""
    options = {"key": settings.HANDRAIL_KEY}
    if request.user.is_authenticated:
        user_id = str(request.user.pk)
        options |= {"userId": user_id, "token": identity_token(user_id, settings.HANDRAIL_IDENTITY_SECRET)}
    # As json_script does it: no text of a user ends the script element.
    text = json.dumps(options).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return {"handrail_url": settings.HANDRAIL_URL, "handrail_options": mark_safe(text)}  # noqa: S308 - escaped above
