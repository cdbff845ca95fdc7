// A client that openapi-typescript and openapi-fetch make of docs/openapi.json, used as its users would.
// GOALWRIGHT_URL and GOALWRIGHT_TOKEN say where the server is. It fails loudly: an exception ends it.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };
declare const console: { log(line: string): void };
declare function setTimeout(call: () => void, milliseconds: number): unknown;

type Goal = components["schemas"]["Goal"];
type Problem = components["schemas"]["Problem"];
type TaskStatus = components["schemas"]["TaskStatus"];

const { GOALWRIGHT_URL: baseUrl, GOALWRIGHT_TOKEN: token } = process.env;
if (!baseUrl || !token) throw new Error("set GOALWRIGHT_URL and GOALWRIGHT_TOKEN");
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

function same<T>(found: T, wanted: T, what: string): void {
  if (found !== wanted) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
}

/** What was answered, unless it is a problem. */
function good<T>({ data, error, response }: { data?: T; error?: Problem; response: Response }): T {
  if (data === undefined) throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(error)}`);
  return data;
}

/** The problem that was answered, with this status and code. */
function bad({ error, response }: { error?: Problem; response: Response }, status: number, code: string): Problem {
  if (error === undefined) throw new Error(`${response.url} answered ${response.status} instead of ${code}`);
  same(response.status, status, "status");
  same(response.headers.get("content-type"), "application/problem+json", "content type");
  same(error.code, code, "code");
  return error;
}

// Make a goal, twice with the same key: it is one goal.
const body = { title: "Announce the release", success_criteria: ["It is published"] };
const key = `client-ts-${Date.now()}`;
const make = () => api.POST("/v1/goals", { body, params: { header: { "Idempotency-Key": key } } });
const first = await make();
const second = await make();
const goal: Goal = good(first);
same(good(second).id, goal.id, "the goal of the repeated request");
same(first.response.headers.get("idempotency-replayed"), null, "first answer");
same(second.response.headers.get("idempotency-replayed"), "true", "second answer");
same(goal.due_at, null, "a date that was not given");

// Change it with the tag that was read; the same tag again is stale.
const byId = { path: { id: goal.id } };
const read = await api.GET("/v1/goals/{id}", { params: byId });
const tag = read.response.headers.get("etag");
if (!tag) throw new Error("a goal has no ETag");
const change = (title: string) =>
  api.PATCH("/v1/goals/{id}", { body: { title }, params: { ...byId, header: { "If-Match": tag } } });
same(good(await change("Announce it in summer")).title, "Announce it in summer", "the new title");
bad(await change("Too late"), 412, "precondition_failed");

// Import a plan, and see how far it is.
const content = "# Ship it\n\n- [ ] T001 Write\n- [ ] T002 [P] Draw\n- [ ] T003 Publish (depends on T001, T002)\n";
const imported = good(await api.POST("/v1/goals/import", { body: { content } }));
const made = imported.goal;
if (!made) throw new Error("an import that is no dry run makes a goal");
same(imported.decomposition.tasks.length, 3, "tasks of the plan");
const far = async () => good(await api.GET("/v1/goals/{id}/progress", { params: { path: { id: made.id } } }));
same((await far()).percentage, 0, "progress before");

// Read its tasks page by page.
const tasks: components["schemas"]["Task"][] = [];
let cursor: string | undefined;
let pages = 0;
do {
  const query = { goal_id: made.id, limit: 2, cursor };
  const page: components["schemas"]["TaskList"] = good(await api.GET("/v1/tasks", { params: { query } }));
  tasks.push(...page.items);
  cursor = page.next_cursor ?? undefined;
  pages += 1;
} while (cursor);
same(tasks.length, 3, "tasks on all pages");
same(pages, 2, "pages");

// Complete one task; the one that waits for it cannot be completed yet.
const named = (name: string) => {
  const task = tasks.find((one) => one.key === name);
  if (!task) throw new Error(`there is no ${name}`);
  return { path: { id: task.id } };
};
const complete = async (name: string) => {
  // Once more, while a worker is about to leave the task to a person.
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await api.POST("/v1/tasks/{id}/complete", { params: named(name), body: { result: { words: 412 } } });
    if (answer.error?.code !== "task_leased") return answer;
    await new Promise<void>((done) => setTimeout(done, 100));
  }
  throw new Error(`${name} is held by a worker for ten seconds`);
};
const status: TaskStatus = good(await complete("T001")).status;
same(status, "completed", "the task");
const open = bad(await complete("T003"), 409, "dependencies_open");
if (!open.detail) throw new Error("a problem says what happened");
same((await far()).completed, 1, "completed tasks");

// Input that breaks rules is told field by field.
const invalid = bad(await api.POST("/v1/goals", { body: { title: " " } }), 422, "invalid_input");
same(invalid.errors?.[0]?.path, "title", "the field");

console.log("TypeScript: goal, key, tag, plan, pages, progress, completion and problems are as described");
