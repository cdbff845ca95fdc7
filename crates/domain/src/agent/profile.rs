//! How an agent that is a model works: which model, what it is told, which tools it may call, and when it has to stop.

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::model::{ModelName, Usd};

/// The most characters of an agent's instructions.
pub const INSTRUCTIONS_LIMIT: usize = 20_000;
/// The most patterns of tools.
const TOOLS_LIMIT: usize = 100;
/// The longest pattern.
const PATTERN_LIMIT: usize = 129;
/// What a model may call where nobody says otherwise: what stays in the sandbox and can be looked at afterwards. Requests
/// over the network and the shell are given to an agent by name.
pub const USUAL_TOOLS: [&str; 9] = [
    "experience.search",
    "file.list",
    "file.read",
    "file.write",
    "json.query",
    "text.match",
    "text.render",
    "text.stats",
    "time.*",
];

/// How an agent of kind `llm` works on a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Which model; none for that of the workspace, else the server's.
    pub model: Option<ModelName>,
    /// What it is told before every task.
    pub instructions: String,
    /// Which tools it may call: `tool.operation`, or `tool.*`. None for the usual ones, or those that a task names.
    pub tools: Option<Vec<String>>,
    /// It is asked at most so often for one run of a task.
    pub max_turns: u32,
    /// It reads and writes at most so many tokens for one run.
    pub max_tokens: u64,
    /// One attempt ends after so many seconds.
    pub max_seconds: u64,
    /// One run costs at most so much, in billionths of a dollar.
    pub max_cost_nanos: Option<i64>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            model: None,
            instructions: String::new(),
            tools: None,
            max_turns: 30,
            max_tokens: 1_000_000,
            max_seconds: 1_800,
            max_cost_nanos: None,
        }
    }
}

impl Profile {
    /// What one run may cost.
    pub fn max_cost(&self) -> Option<Usd> {
        self.max_cost_nanos.map(Usd::from_nanos)
    }

    /// Whether the agent may call this operation for a task that names `wanted`; a task that names none gets what the agent
    /// has, and what neither narrows is what is usual.
    pub fn allows(&self, wanted: Option<&[String]>, tool: &str, operation: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| is_of(pattern, tool, operation));
        match (&self.tools, wanted) {
            (Some(own), Some(wanted)) => fits(own) && fits(wanted),
            (Some(own), None) => fits(own),
            (None, Some(wanted)) => fits(wanted),
            (None, None) => USUAL_TOOLS.iter().any(|pattern| is_of(pattern, tool, operation)),
        }
    }

    /// Everything that is wrong with it.
    pub fn check(&self) -> Vec<Violation> {
        let mut violations = Violation::of_text("llm.instructions", &self.instructions, INSTRUCTIONS_LIMIT);
        let tools = self.tools.as_deref().unwrap_or_default();
        if tools.len() > TOOLS_LIMIT {
            let message = format!("at most {TOOLS_LIMIT} tools");
            violations.push(Violation::new("llm.tools", "too_many", message));
        }
        for (index, pattern) in tools.iter().enumerate() {
            if !is_pattern(pattern) {
                let message =
                    "`tool.operation`, or `tool.*` for all operations of a tool; `GET /v1/tools` lists them";
                violations.push(Violation::new(format!("llm.tools[{index}]"), "invalid_tool", message));
            }
        }
        let mut within = |path: &str, value: i128, least: i128, most: i128| {
            if !(least..=most).contains(&value) {
                let message = format!("between {least} and {most}");
                violations.push(Violation::new(path, "out_of_range", message));
            }
        };
        within("llm.max_turns", self.max_turns.into(), 1, 500);
        within("llm.max_tokens", self.max_tokens.into(), 1_000, 1_000_000_000);
        within("llm.max_seconds", self.max_seconds.into(), 5, 86_400);
        if self.max_cost_nanos.is_some_and(|nanos| nanos < 0) {
            let message = "an amount of dollars from 0 to 9,000,000,000";
            violations.push(Violation::new("llm.max_cost_usd", "out_of_range", message));
        }
        violations
    }
}

/// Whether these words can name operations: `file.read`, `file.*`.
pub fn is_pattern(pattern: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    pattern.len() <= PATTERN_LIMIT
        && pattern
            .split_once('.')
            .is_some_and(|(tool, operation)| word(tool) && (operation == "*" || word(operation)))
}

fn is_of(pattern: &str, tool: &str, operation: &str) -> bool {
    pattern
        .split_once('.')
        .is_some_and(|(named, wanted)| named == tool && (wanted == "*" || wanted == operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tools: &[&str]) -> Vec<String> {
        tools.iter().map(|&tool| tool.to_owned()).collect()
    }

    #[test]
    fn a_task_narrows_what_an_agent_may_call_and_never_widens_it() {
        let narrow = Profile { tools: Some(of(&["file.*"])), ..Profile::default() };
        assert!(narrow.allows(None, "file", "append"));
        assert!(!narrow.allows(None, "filer", "append") && !narrow.allows(None, "text", "stats"));
        let wanted = of(&["file.read", "http.request"]);
        assert!(narrow.allows(Some(&wanted), "file", "read"));
        assert!(!narrow.allows(Some(&wanted), "file", "write"));
        assert!(!narrow.allows(Some(&wanted), "http", "request"), "the agent may not");
        assert!(Profile::default().allows(Some(&wanted), "http", "request"), "the task says so");
        assert!(!Profile::default().allows(Some(&[]), "file", "read"), "none at all");
        assert!(Profile::default().allows(None, "file", "read"));
        for (tool, operation) in [("http", "request"), ("shell", "run"), ("file", "append")] {
            assert!(!Profile::default().allows(None, tool, operation), "{tool}.{operation} is not usual");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        assert_eq!(Profile::default().check(), []);
        let wrong = Profile {
            tools: Some(of(&["file", "file.*", "*.read", "a.b.c", "", "fi le.read"])),
            max_turns: 0,
            max_tokens: 1,
            max_seconds: 90_000,
            max_cost_nanos: Some(-1),
            instructions: "x".repeat(INSTRUCTIONS_LIMIT + 1),
            model: None,
        };
        let paths: Vec<String> = wrong.check().into_iter().map(|violation| violation.path).collect();
        let expected = [
            "llm.instructions",
            "llm.tools[0]",
            "llm.tools[2]",
            "llm.tools[3]",
            "llm.tools[4]",
            "llm.tools[5]",
            "llm.max_turns",
            "llm.max_tokens",
            "llm.max_seconds",
            "llm.max_cost_usd",
        ];
        assert_eq!(paths, expected);
    }
}
