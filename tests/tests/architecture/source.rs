//! Rust source as text: code without comments and strings, and the calls in it.

pub(crate) fn is_at(path: &str, place: &str) -> bool {
    path == place
        || (place.ends_with('/') && (path.starts_with(place) || path.contains(&format!("/{place}"))))
}

pub(crate) fn makes_call(line: &str, call: &str) -> bool {
    let (needle, open_end) = call.strip_suffix('*').map_or((call, false), |needle| (needle, true));
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + needle.len()..].chars().next();
        let starts_word = !needle.starts_with(is_word) || !before.is_some_and(is_word);
        let ends_word = open_end || !needle.ends_with(is_word) || !after.is_some_and(is_word);
        starts_word && ends_word
    })
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Rust source with the contents of comments, strings and character literals left out; lines stay where they are.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut code = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => (i..chars.len()).find(|&j| at(j) == '\n').unwrap_or(chars.len()),
            ('/', '*') => end_of_block_comment(&chars, i),
            ('r', '"' | '#') if i == 0 || !is_word(at(i - 1)) || matches!(at(i - 1), 'b' | 'c') => {
                end_of_raw_string(&chars, i)
            }
            ('"', _) => end_of_quoted(&chars, i),
            ('\'', '\\') => end_of_quoted(&chars, i),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i,
        };
        if end == i {
            code.push(at(i));
            i += 1;
        } else {
            code.extend(chars[i..end.min(chars.len())].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    code
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut i = start;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => {
                depth += 1;
                i += 2;
            }
            ('*', '/') => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

/// `start` itself if this is no raw string but a name such as `r#type`.
fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes = |j: usize| {
        chars[j] == '"' && chars[j + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|&j| closes(j)).map_or(chars.len(), |j| j + 1 + hashes)
}

fn end_of_quoted(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            c if c == chars[start] => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}
