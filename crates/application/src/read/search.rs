//! What somebody looks for, in words.

use goalwright_domain::Violation;

/// The longest text to look for, in characters.
const TEXT_LIMIT: usize = 200;
/// The most words that count.
const WORD_LIMIT: usize = 16;

/// Words that all have to be there, in any order; of the last one the beginning is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    words: Vec<String>,
}

impl Search {
    /// The words of a text: runs of letters and digits of any script.
    ///
    /// # Errors
    /// A violation at `q` if there is no word in it, or it is too long.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.chars().count() > TEXT_LIMIT {
            let message = format!("at most {TEXT_LIMIT} characters");
            return Err(Violation::new("q", "too_long", message));
        }
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.take(WORD_LIMIT).map(str::to_lowercase).collect();
        if words.is_empty() {
            return Err(Violation::new("q", "no_words", "give at least one word or number to look for"));
        }
        Ok(Self { words })
    }

    /// The first words of a text of any length, each once; none if there is no word in it.
    pub fn loosely(text: &str) -> Option<Self> {
        let mut words: Vec<String> = Vec::new();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let word = word.to_lowercase();
            if words.len() < WORD_LIMIT && !words.contains(&word) {
                words.push(word);
            }
        }
        (!words.is_empty()).then_some(Self { words })
    }

    /// The words in lower case, letters and digits only; never empty.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_is_between_everything_else() {
        let words = |text: &str| Search::parse(text).map(|search| search.words);
        assert_eq!(
            words(" T012: Ölstand-prüfen\" OR ('").expect("words"),
            ["t012", "ölstand", "prüfen", "or"]
        );
        assert_eq!(words("依存 関係").expect("words"), ["依存", "関係"]);
        assert_eq!(words(&"a ".repeat(100)).expect("words").len(), WORD_LIMIT);
        for (text, code) in [("", "no_words"), ("--- *", "no_words"), (&"x".repeat(201), "too_long")] {
            assert_eq!(words(text).expect_err("refused").code, code);
        }
        let loosely = |text: &str| Search::loosely(text).map(|search| search.words);
        assert_eq!(loosely("So, so: what?"), Some(vec!["so".to_owned(), "what".to_owned()]));
        assert_eq!(loosely(&"x ".repeat(500)).map(|words| words.len()), Some(1));
        assert_eq!(loosely("…"), None);
    }
}
