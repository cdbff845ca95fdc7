//! How much texts have to do with words.

/// One number for each text, higher for texts that have more of the words, have them more often, and have words that few of
/// the texts have. The words are in lower case, letters and digits only; in the texts case does not count.
pub fn relevance(words: &[String], texts: &[&str]) -> Vec<f64> {
    let counted: Vec<Vec<u32>> = texts.iter().map(|text| counts(words, text)).collect();
    let rarity: Vec<f64> = (0..words.len())
        .map(|word| {
            let having = counted.iter().filter(|counts| counts[word] > 0).count();
            // Texts number in the hundreds, so nothing is lost.
            (1.0 + texts.len() as f64 / (1.0 + having as f64)).ln()
        })
        .collect();
    let weigh = |counts: &Vec<u32>| {
        let weights = counts.iter().zip(&rarity).filter(|(count, _)| **count > 0);
        weights.map(|(count, rarity)| rarity * (1.0 + f64::from(*count).ln())).sum()
    };
    counted.iter().map(weigh).collect()
}

/// How often each of the words stands in the text, as a whole word.
fn counts(words: &[String], text: &str) -> Vec<u32> {
    let mut counts = vec![0; words.len()];
    for found in text.split(|c: char| !c.is_alphanumeric()).filter(|found| !found.is_empty()) {
        let found = found.to_lowercase();
        if let Some(at) = words.iter().position(|word| *word == found) {
            counts[at] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(words: &[&str], texts: &[&str]) -> Vec<usize> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let scores = relevance(&words, texts);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        order
    }

    #[test]
    fn more_of_the_words_more_often_and_rarer_ones_come_first() {
        let texts = ["the weather", "weather in York, weather in Leeds", "weather in York", "nothing"];
        assert_eq!(order(&["weather", "york"], &texts), [1, 2, 0, 3]);
        assert_eq!(order(&["the", "york"], &["the", "the", "the", "York"]), [3, 0, 1, 2], "rarer is better");
        assert_eq!(relevance(&["weather".to_owned()], &["Weather", "weathered"])[1], 0.0, "whole words");
        assert_eq!(relevance(&[], &["a"]), [0.0]);
    }
}
