"""A client that openapi-python-client makes of docs/openapi.json, used as its users would.

GOALWRIGHT_URL and GOALWRIGHT_TOKEN say where the server is. It fails loudly: an exception ends it.
"""

import os
import time
import uuid
from typing import TypeVar

from goalwright_client import AuthenticatedClient
from goalwright_client.api.goals import create_goal, edit_goal, get_goal, get_goal_progress, import_goal
from goalwright_client.api.tasks import complete_task, list_tasks
from goalwright_client.models import CompleteTask, Goal, GoalChanges, GoalStatus, Import, Imported, NewGoal, Problem
from goalwright_client.models import Progress, Task, TaskList, TaskStatus
from goalwright_client.types import UNSET, Response

T = TypeVar("T")

api = AuthenticatedClient(
    base_url=os.environ["GOALWRIGHT_URL"],
    token=os.environ["GOALWRIGHT_TOKEN"],
    raise_on_unexpected_status=True,
)


def same(found: object, wanted: object, what: str) -> None:
    """Raise unless both are equal."""
    if found != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, found {found!r}")


def good(response: Response, kind: type[T]) -> T:
    """Give what was answered, unless it is a problem."""
    if not isinstance(response.parsed, kind):
        raise AssertionError(f"{response.status_code}: {response.content!r}")
    return response.parsed


def bad(response: Response, status: int, code: str) -> Problem:
    """Give the problem that was answered, with this status and code."""
    problem = good(response, Problem)
    same((response.status_code, problem.code), (status, code), "status and code")
    same(response.headers["content-type"], "application/problem+json", "content type")
    return problem


# Make a goal, twice with the same key: it is one goal.
key = f"client-py-{uuid.uuid4()}"
body = NewGoal(title="Announce the release", success_criteria=["It is published"])
first = create_goal.sync_detailed(client=api, body=body, idempotency_key=key)
second = create_goal.sync_detailed(client=api, body=body, idempotency_key=key)
goal = good(first, Goal)
same(good(second, Goal).id, goal.id, "the goal of the repeated request")
same(first.headers.get("idempotency-replayed"), None, "first answer")
same(second.headers.get("idempotency-replayed"), "true", "second answer")
same((goal.status, goal.due_at), (GoalStatus.ACTIVE, None), "status and date")

# Change it with the tag that was read; the same tag again is stale.
tag = get_goal.sync_detailed(goal.id, client=api).headers["etag"]
changes = GoalChanges(title="Announce it in summer")
changed = good(edit_goal.sync_detailed(goal.id, client=api, body=changes, if_match=tag), Goal)
same(changed.title, "Announce it in summer", "the new title")
bad(edit_goal.sync_detailed(goal.id, client=api, body=changes, if_match=tag), 412, "precondition_failed")

# Import a plan, and see how far it is.
plan = "# Ship it\n\n- [ ] T001 Write\n- [ ] T002 [P] Draw\n- [ ] T003 Publish (depends on T001, T002)\n"
imported = good(import_goal.sync_detailed(client=api, body=Import(content=plan)), Imported)
if not isinstance(imported.goal, Goal):
    raise AssertionError("an import that is no dry run makes a goal")
made = imported.goal.id
same(len(imported.decomposition.tasks), 3, "tasks of the plan")
same(good(get_goal_progress.sync_detailed(made, client=api), Progress).percentage, 0, "progress before")

# Read its tasks page by page.
tasks: dict[str, Task] = {}
cursor, pages = None, 0
while pages == 0 or cursor:
    page = good(list_tasks.sync_detailed(client=api, goal_id=made, limit=2, cursor=cursor or UNSET), TaskList)
    tasks.update({str(task.key): task for task in page.items})
    cursor, pages = page.next_cursor, pages + 1
same((sorted(tasks), pages), (["T001", "T002", "T003"], 2), "tasks on all pages")


# Complete one task; the one that waits for it cannot be completed yet.
def complete(name: str) -> Response:
    """Say that a task is done; once more, while a worker is about to leave it to a person."""
    for _ in range(100):
        answer = complete_task.sync_detailed(tasks[name].id, client=api, body=CompleteTask(result={"words": 412}))
        if not (isinstance(answer.parsed, Problem) and answer.parsed.code == "task_leased"):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{name} is held by a worker for ten seconds")


same(good(complete("T001"), Task).status, TaskStatus.COMPLETED, "the task")
if not bad(complete("T003"), 409, "dependencies_open").detail:
    raise AssertionError("a problem says what happened")
same(good(get_goal_progress.sync_detailed(made, client=api), Progress).completed, 1, "completed tasks")

# Input that breaks rules is told field by field.
invalid = bad(create_goal.sync_detailed(client=api, body=NewGoal(title=" ")), 422, "invalid_input")
same([error.path for error in invalid.errors or []], ["title"], "the fields")

print("Python: goal, key, tag, plan, pages, progress, completion and problems are as described")
