//! What can be said of an expression without values: whether it is one, what it refers to, and
//! the form in which it is safe to hand it to the engine.

use super::engine;
use super::lexer::{Kind, Token, tokens};

/// An expression that the engine accepts.
pub(super) struct Analysis {
    /// What the engine is given: the expression with its multiplications guarded.
    pub(super) source: String,
    pub(super) chains: Vec<Chain>,
    pub(super) filters: Vec<String>,
    /// How often `+` or `~` may join strings or lists.
    pub(super) joins: usize,
}

/// A name with the attributes and indices written out behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) root: String,
    pub(super) steps: Vec<Step>,
    /// Whether `|default(…)`, `is defined` or `is undefined` follows.
    pub(super) guarded: bool,
    /// Whether the chain is the whole expression.
    pub(super) alone: bool,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(i64),
}

const MAX_LENGTH: usize = 8 * 1024;
/// Operators and brackets; the engine's parser and compiler recurse over them.
const MAX_OPERATORS: usize = 200;
const MAX_NESTING: usize = 20;

/// Understands an expression.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn analyse(expression: &str) -> Result<Analysis, String> {
    if expression.len() > MAX_LENGTH {
        return Err(format!("it is longer than {MAX_LENGTH} bytes"));
    }
    let tokens = tokens(expression).ok_or("it has a character or a quote that does not belong")?;
    check_size(&tokens)?;
    let source = guard_products(expression, &tokens);
    engine::check(&source)?;
    Ok(Analysis {
        source,
        chains: chains(&tokens),
        filters: filters(&tokens),
        joins: tokens.iter().filter(|token| token.is("+") || token.is("~")).count(),
    })
}

fn check_size(tokens: &[Token<'_>]) -> Result<(), String> {
    let mut operators = 0;
    let mut nesting = 0_usize;
    for token in tokens {
        match token.source {
            "," | ":" => {}
            ")" | "]" | "}" => nesting = nesting.saturating_sub(1),
            source => {
                operators += usize::from(token.kind == Kind::Symbol || is_keyword(source));
                nesting += usize::from(matches!(source, "(" | "[" | "{"));
            }
        }
        if nesting > MAX_NESTING || operators > MAX_OPERATORS {
            return Err("it is too complex; split it over several tasks or steps".to_owned());
        }
    }
    Ok(())
}

/// Puts a filter that lets only numbers pass on both sides of every `*`: the engine's own `*`
/// repeats strings and lists, and one such hole could fill the memory.
fn guard_products(expression: &str, tokens: &[Token<'_>]) -> String {
    let mut inserts = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("*") && at > 0 && ends_operand(&tokens[at - 1]) {
            inserts.push(tokens[at - 1].end());
            inserts.push(tokens[operand_end(tokens, at + 1).max(at + 1) - 1].end());
        }
    }
    inserts.sort_unstable();
    let mut guarded = String::with_capacity(expression.len() + inserts.len() * 12);
    let mut kept = 0;
    for at in inserts {
        guarded.push_str(&expression[kept..at]);
        guarded.push('|');
        guarded.push_str(engine::ONLY_NUMBERS);
        kept = at;
    }
    guarded.push_str(&expression[kept..]);
    guarded
}

/// The first token behind the right operand of a product that starts at `from`.
fn operand_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for at in from..tokens.len() {
        let token = &tokens[at];
        match token.source {
            _ if token.kind == Kind::Text => {}
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" | "}" => depth -= 1,
            _ if depth > 0 => {}
            "-" | "+" if at == from || !ends_operand(&tokens[at - 1]) => {}
            "not" if tokens[at - 1].is("is") => {}
            "," | ":" | "*" | "/" | "//" | "%" | "~" | "+" | "-" | "==" | "!=" | "<" | ">" | "<=" | ">="
            | "=" | "and" | "or" | "not" | "in" | "if" | "else" => return at,
            _ => {}
        }
    }
    tokens.len()
}

fn ends_operand(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Text | Kind::Number => true,
        Kind::Name => !matches!(token.source, "and" | "or" | "not" | "in" | "is" | "if" | "else"),
        Kind::Symbol => matches!(token.source, ")" | "]" | "}"),
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "not"
            | "in"
            | "is"
            | "if"
            | "else"
            | "true"
            | "True"
            | "false"
            | "False"
            | "none"
            | "None"
    )
}

fn filters(tokens: &[Token<'_>]) -> Vec<String> {
    let pairs = tokens.windows(2);
    pairs
        .filter(|pair| pair[0].is("|") && pair[1].kind == Kind::Name)
        .map(|pair| pair[1].source.to_owned())
        .collect()
}

fn chains(tokens: &[Token<'_>]) -> Vec<Chain> {
    (0..tokens.len()).filter(|at| is_root(tokens, *at)).map(|at| chain(tokens, at)).collect()
}

/// Whether a token names a value: no attribute, filter, test, keyword or argument name.
fn is_root(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].source);
    let names_test = before(1) == Some("is") || (before(1) == Some("not") && before(2) == Some("is"));
    tokens[at].kind == Kind::Name
        && !is_keyword(tokens[at].source)
        && !matches!(before(1), Some("." | "|"))
        && !names_test
        && !tokens.get(at + 1).is_some_and(|next| next.is("="))
}

fn chain(tokens: &[Token<'_>], from: usize) -> Chain {
    let mut steps = Vec::new();
    let mut at = from + 1;
    while let Some((step, length)) = step(&tokens[at..]) {
        steps.push(step);
        at += length;
    }
    let next = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.source);
    let guarded = match next(0) {
        "|" => matches!(next(1), "default" | "d"),
        "is" => {
            let test = if next(1) == "not" { next(2) } else { next(1) };
            matches!(test, "defined" | "undefined")
        }
        _ => false,
    };
    Chain { root: tokens[from].source.to_owned(), steps, guarded, alone: from == 0 && at == tokens.len() }
}

fn step(tokens: &[Token<'_>]) -> Option<(Step, usize)> {
    match tokens {
        [dot, name, ..] if dot.is(".") && name.kind == Kind::Name => {
            Some((Step::Key(name.source.to_owned()), 2))
        }
        [dot, index, ..] if dot.is(".") && index.kind == Kind::Number => {
            Some((Step::Index(index.source.parse().ok()?), 2))
        }
        [open, key, close, ..] if open.is("[") && close.is("]") => match key.kind {
            Kind::Text => Some((Step::Key(key.plain_text()?.to_owned()), 3)),
            Kind::Number => Some((Step::Index(key.source.parse().ok()?), 3)),
            Kind::Name | Kind::Symbol => None,
        },
        [open, minus, index, close, ..] if open.is("[") && minus.is("-") && close.is("]") => {
            Some((Step::Index(-index.source.parse::<i64>().ok()?), 4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_guarded_on_both_sides() {
        for (given, guarded) in [
            ("a * b", "a|N * b|N"),
            ("a + b.c[1 * 2] * -d|length + e", "a + b.c[1|N * 2|N]|N * -d|length|N + e"),
            ("2 * (x + 'a' * 3)", "2|N * (x + 'a'|N * 3|N)|N"),
            ("a * b * c", "a|N * b|N|N * c|N"),
            ("f(*x) ** 2", "f(*x) ** 2"),
            ("'*' ~ a", "'*' ~ a"),
        ] {
            let tokens = tokens(given).expect("tokens");
            let expected = guarded.replace("|N", &format!("|{}", engine::ONLY_NUMBERS));
            assert_eq!(guard_products(given, &tokens), expected);
        }
    }

    #[test]
    fn only_values_are_roots() {
        let analysis = analyse(
            "a.b|join(sep, attribute='x') ~ (c is not none) ~ ('d' if tasks['1.2'].e[0] is defined else f|d(g))",
        )
        .expect("valid");
        let roots: Vec<_> = analysis.chains.iter().map(|chain| chain.root.as_str()).collect();
        assert_eq!(roots, ["a", "sep", "c", "tasks", "f", "g"]);
        assert_eq!(
            analysis.chains[3].steps,
            [Step::Key("1.2".into()), Step::Key("e".into()), Step::Index(0)]
        );
        assert!(analysis.chains[3].guarded && analysis.chains[4].guarded);
        assert!(!analysis.chains[0].guarded);
    }

    #[test]
    fn what_is_no_expression() {
        for text in ["color: red;", "return x", "a b", "a $ b", "a 'b", "a.", "x}"] {
            assert!(analyse(text).is_err(), "{text}");
        }
        assert!(analyse(&"not ".repeat(2_000)).is_err());
        assert!(analyse(&format!("a{}", ".b".repeat(199))).is_ok());
        assert!(analyse(&format!("{}a{}", "(".repeat(20), ")".repeat(20))).is_ok());
        assert!(analyse(&format!("{}a{}", "[".repeat(21), "]".repeat(21))).is_err());
    }
}
