//! Lists, page by page.

use indicatif::{ProgressBar, ProgressStyle};
use poem::http::Method;
use serde_json::{Value, json};

use super::{Answer, Call, Client, strange};
use crate::failure::Failure;

/// The interface gives at most so many at once.
pub(crate) const LARGEST_PAGE: usize = 200;

/// A list, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The document that the interface answers; of several pages one document.
    pub(crate) answer: Answer,
    /// Whether there are more.
    pub(crate) more: bool,
}

impl Listed {
    /// A list that comes as a whole, without pages.
    pub(crate) const fn whole(answer: Answer) -> Self {
        Self { answer, more: false }
    }

    /// The items.
    pub(crate) fn items(&self) -> &[Value] {
        self.answer.value["items"].as_array().map_or(&[], Vec::as_slice)
    }
}

impl Client {
    /// Up to `limit` items of the list at `path`, such as `goals` or `goals/ID/decompositions`, or all of them.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub(crate) async fn list(
        &self,
        path: &str,
        filters: &[(&str, Option<String>)],
        limit: Option<usize>,
    ) -> Result<Listed, Failure> {
        let (mut items, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
        // Of one page nobody wants to be told that it is being read.
        let mut bar: Option<ProgressBar> = None;
        loop {
            let rest = limit.map_or(LARGEST_PAGE, |limit| limit - items.len().min(limit)).min(LARGEST_PAGE);
            let mut parameters = filters.to_vec();
            parameters.push(("limit", Some(rest.to_string())));
            parameters.push(("cursor", cursor.take()));
            let mut answer = self
                .send(Call::new(Method::GET, &path.split('/').collect::<Vec<_>>()).query(&parameters))
                .await?;
            let Some(page) = answer.value["items"].as_array_mut() else {
                return Err(strange("it is no list"));
            };
            let first = items.is_empty();
            items.append(page);
            cursor = answer.value["next_cursor"].as_str().map(str::to_owned);
            // A page may be empty and not the last one, where few match several filters.
            if cursor.is_none() || limit.is_some_and(|limit| items.len() >= limit) {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                let more = cursor.is_some();
                answer.value = json!({ "items": items, "next_cursor": cursor });
                if !first {
                    answer.text = answer.value.to_string();
                }
                return Ok(Listed { answer, more });
            }
            bar.get_or_insert_with(counter).set_position(items.len() as u64);
        }
    }
}

/// Counts on a terminal.
fn counter() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} read …") {
        bar.set_style(style);
    }
    bar
}
