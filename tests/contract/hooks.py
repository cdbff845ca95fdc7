"""What no schema can make up, so that made-up requests get further.

What breaks its own schema is left alone: it has to be refused.
"""

import re
import uuid

import schemathesis

KEY = re.compile(r"[ -~]{1,255}")


def is_uuid(text: object) -> bool:
    """Tell whether a text is a UUID in its usual spelling."""
    try:
        return str(uuid.UUID(str(text))) == str(text).lower()
    except ValueError:
        return False


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict) -> None:
    """Send no workspace of somebody else and no key a second time, and do not wait for what nobody does."""
    headers = case.headers
    fits = case.meta is not None and case.meta.generation.mode == schemathesis.GenerationMode.POSITIVE
    # The caller is a member of one workspace, their own: any other is 403, whatever else the request says. So is the id
    # of something that a chain of requests has made.
    if headers and "X-Workspace-Id" in headers and (fits or is_uuid(headers["X-Workspace-Id"])):
        del headers["X-Workspace-Id"]
    # The same short keys are made up again and again, and a key that came with another request is 422.
    if headers and KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid.uuid4())
    # A run of a task that is meant for an outside worker is waited for until half a minute is over.
    body = case.body
    if case.operation.path.endswith("/tasks/run") and isinstance(body, dict) and body.get("wait", True) in (None, True):
        body["wait"] = False
