//! Every code that a problem may have.

/// Status and title of every code, as its page in `docs/problems/` has them.
pub(super) const CODES: &[(&str, u16, &str)] = &[
    ("unreadable_body", 400, "The body cannot be read"),
    ("unauthenticated", 401, "Credentials are missing or invalid"),
    ("forbidden", 403, "This is not allowed"),
    ("not_found", 404, "Nothing was found"),
    ("method_not_allowed", 405, "The method is not allowed here"),
    ("request_timeout", 408, "The body did not arrive in time"),
    ("agent_needed", 409, "The agent is needed"),
    ("conflict", 409, "Somebody else was faster"),
    ("decomposition_decided", 409, "The decomposition is decided"),
    ("dependencies_open", 409, "The task waits for other tasks"),
    ("goal_needed", 409, "The task serves no goal"),
    ("goal_not_active", 409, "The goal is not active"),
    ("goal_running", 409, "The goal's tasks are being worked on"),
    ("idempotency_in_progress", 409, "The first request is not answered yet"),
    ("invalid_transition", 409, "The state does not allow this"),
    ("lease_lost", 409, "The lease is lost"),
    ("name_taken", 409, "The name is taken"),
    ("no_agent", 409, "No agent can take the task"),
    ("not_waiting", 409, "The task does not wait for this"),
    ("plan_outdated", 409, "The plan is outdated"),
    ("ledger_broken", 409, "The ledger is not what was written"),
    ("run_pruned", 409, "The run's record is pruned"),
    ("shown_once", 409, "The key was shown once"),
    ("task_leased", 409, "Somebody is working on the task"),
    ("tool_unavailable", 409, "The tool is not available"),
    ("waiting_for_person", 409, "The task waits for a person"),
    ("history_pruned", 410, "The past is pruned"),
    ("precondition_failed", 412, "It changed since it was read"),
    ("payload_too_large", 413, "The body is too large"),
    ("uri_too_long", 414, "The address is too long"),
    ("unsupported_media_type", 415, "The media type is not supported"),
    ("dependency_cycle", 422, "The tasks would wait for each other"),
    ("idempotency_key_reused", 422, "The key belongs to another request"),
    ("invalid_input", 422, "The input is invalid"),
    ("invalid_plan", 422, "The plan is invalid"),
    ("model_context_too_long", 422, "It is too long for the model"),
    ("model_refused", 422, "The model does not want to answer"),
    ("not_a_plan", 422, "The text is not a plan"),
    ("plan_too_large", 422, "The plan is too large"),
    ("scheduled_at_required", 422, "A scheduled run needs its time"),
    ("type_reserved", 422, "The type is reserved"),
    ("unsupported", 422, "This is not supported"),
    ("budget_exhausted", 429, "The budget is spent"),
    ("rate_limited", 429, "Too much was asked for at once"),
    ("headers_too_large", 431, "The headers are too large"),
    ("internal", 500, "Something went wrong"),
    ("database_unavailable", 503, "The database cannot be reached"),
    ("model_circuit_open", 503, "The model is left alone for a while"),
    ("model_credentials", 503, "The model does not accept our key"),
    ("model_not_configured", 503, "No model is configured"),
    ("model_unavailable", 503, "The model does not answer"),
    ("timed_out", 504, "It took too long"),
];

/// A code in words, if it is known.
pub(crate) fn title(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, _, title)| *title)
}

/// The status of a code, if it is known.
#[cfg(test)]
pub(crate) fn status(code: &str) -> Option<u16> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, status, _)| *status)
}
