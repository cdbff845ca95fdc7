//! Every built-in operation: its name, its effect, what it does and what does it.

use std::ffi::OsString;
use std::sync::Arc;

use goalwright_application::experiences::Experiences;
use goalwright_domain::execution::Effect;
use serde_json::Value;

use super::operation::Registered;
use super::{experience, file, http, json, lint, shell, text, time};
use crate::outbound::Outbound;

/// All but `shell.run`, in no order.
pub(super) fn builtin(outbound: &Arc<Outbound>, experiences: Option<&Arc<Experiences>>) -> Vec<Registered> {
    vec![
        Registered::new::<file::ListParameters, file::ListResult>(
            ("file", "list"),
            Effect::None,
            "Lists the files of a folder (`path`, `glob`): `{files}`, sorted; hidden files, `target` and \
             `node_modules` only when the glob names them. With `paths` it tells which of them there are: \
             `{files, missing}`, and for the entries of `text.match` also `broken`, the links that lead nowhere.",
            file::list,
        )
        .one_of(&[&[], &["path", "glob"], &["paths", "base"]])
        .lint(lint::list),
        Registered::new::<file::ReadParameters, file::ReadResult>(
            ("file", "read"),
            Effect::None,
            "Reads a text file (`path`): `{path, text}`; or several (`paths`): a list of these.",
            file::read,
        )
        .one_of(&[&["path"], &["paths"]])
        .lint(lint::read),
        Registered::new::<file::WriteParameters, file::Written>(
            ("file", "write"),
            Effect::Idempotent,
            "Writes a file anew (`path`, `content`), making its folders: `{path, bytes}`. What is no text is \
             written as JSON.",
            file::write,
        )
        .lint(lint::write),
        Registered::new::<file::WriteParameters, file::Written>(
            ("file", "append"),
            Effect::Irreversible,
            "Adds to the end of a file (`path`, `content`), making it if need be: `{path, bytes}`, the bytes added.",
            file::append,
        )
        .lint(lint::write),
        request(outbound.clone()),
        Registered::new::<text::StatsParameters, text::OneOrMany<text::Stats>>(
            ("text", "stats"),
            Effect::None,
            "Counts a text: `{words, lines, characters}`; or several (`texts`, also the entries of `file.read`): a \
             list of these, with their `path`.",
            text::stats,
        )
        .computing()
        .one_of(&[&["text"], &["texts"]]),
        Registered::new::<text::MatchParameters, text::OneOrMany<text::Matches>>(
            ("text", "match"),
            Effect::None,
            "Finds all matches of a regular expression (`pattern`) in a text: `{matches}`, the first group where \
             there is one; or in several (`texts`, also the entries of `file.read`): a list of these, with their \
             `path`.",
            text::find,
        )
        .one_of(&[&["text"], &["texts"]])
        .lint(lint::pattern),
        Registered::new::<text::RenderParameters, String>(
            ("text", "render"),
            Effect::None,
            "Answers the text of a `template` whose holes are filled.",
            text::render,
        )
        .computing(),
        Registered::new::<json::QueryParameters, Value>(
            ("json", "query"),
            Effect::None,
            "Looks into a `value` with a `path`: a JSON Pointer when it is empty or starts with `/`, else JMESPath.",
            json::query,
        )
        .computing()
        .lint(lint::query),
        Registered::new::<time::NowParameters, time::Now>(
            ("time", "now"),
            Effect::None,
            "The present moment in UTC: `{now, date, time, weekday, unix}`.",
            time::now,
        )
        .computing(),
        Registered::new::<time::SleepParameters, time::Slept>(
            ("time", "sleep"),
            Effect::None,
            "Waits for some `seconds`, up to a year; the wait outlives restarts.",
            time::sleep,
        ),
        search(experiences.cloned()),
        add(experiences.cloned()),
    ]
}

fn search(experiences: Option<Arc<Experiences>>) -> Registered {
    Registered::waiting::<experience::SearchParameters, experience::Found, _>(
        ("experience", "search"),
        Effect::None,
        "Finds what was experienced before and has to do with a `query`, of one `type` or any: `{hits}`, the most relevant \
         first. The record of the task names what it was given.",
        move |call, parameters| experience::search(experiences.clone(), call, parameters),
    )
}

fn add(experiences: Option<Arc<Experiences>>) -> Registered {
    Registered::waiting::<experience::AddParameters, experience::Added, _>(
        ("experience", "add"),
        Effect::Idempotent,
        "Remembers a `text`, with `structured` fields and the experiences it came from (`parents`): `{id}`.",
        move |call, parameters| experience::add(experiences.clone(), call, parameters),
    )
}

fn request(outbound: Arc<Outbound>) -> Registered {
    let linted = outbound.clone();
    Registered::waiting::<http::RequestParameters, Value, _>(
        ("http", "request"),
        Effect::Irreversible,
        "Sends a request (`method`, `url`, `headers`, `query`, and `json` or `body`) and answers the body: a value where \
         it is JSON, else its text; with `full_response` it answers `{status, headers, body}`. A status of 400 or more \
         is a failure. Up to 4 MiB are sent and read, and private addresses are not reached.",
        move |call, parameters| http::request(outbound.clone(), call, parameters),
    )
    // Both may be left out, and that is the first of the three forms.
    .one_of(&[&[], &["json"], &["body"]])
    .lint(move |parameters| http::lint(&linted, parameters))
    .effect_of(http::effect_of)
}

/// Programs are looked for in `path`.
pub(super) fn shell(path: OsString) -> Registered {
    Registered::waiting::<shell::RunParameters, shell::Ran, _>(
        ("shell", "run"),
        Effect::Irreversible,
        "Runs a `command` in the sandbox's folder: `{exit_code, stdout, stderr, duration_ms, files_written, \
         files_deleted}`. An exit code other than 0 is a failure unless `expect_exit` lists it. Say with `effect` what \
         doing it again would do. Of each output 1 MiB is answered and 8 MiB are kept; what is left running is killed.",
        move |call, parameters| shell::run(path.clone(), call, parameters),
    )
    .lint(shell::lint)
    .effect_of(shell::effect_of)
}
