//! How titles become words that can be searched.
//!
//! Both engines index and search exactly these words, so neither's idea of a word, of case or of accents
//! matters. A word is a run of letters and digits, in lower case, without accents.

use std::collections::BTreeSet;

use traffix_core::Invalid;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut, in titles and in queries alike.
const MAX_WORD_CHARS: usize = 40;
/// Most words of one query.
const MAX_QUERY_WORDS: usize = 32;

/// The words of a text.
fn words(text: &str) -> BTreeSet<String> {
    // The apostrophe is no boundary: "Assassin's" is one word, and is also found as "assassins".
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '\u{2019}'))
        .flat_map(char::to_lowercase)
        .collect();
    let runs = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    runs.map(|word| word.chars().take(MAX_WORD_CHARS).collect()).collect()
}

/// The words of a title, separated by spaces.
pub(crate) fn of_title(title: &str) -> String {
    words(title).into_iter().collect::<Vec<_>>().join(" ")
}

/// The beginnings of words that a query asks for; none if it asks for nothing.
///
/// # Errors
/// If there are too many.
pub(crate) fn of_query(text: &str) -> Result<Vec<String>, Invalid> {
    let words = words(text);
    // What begins like another word of the query is found with it.
    let needed =
        |word: &&String| !words.range((*word).clone()..).skip(1).take(1).any(|next| next.starts_with(*word));
    let needed: Vec<String> = words.iter().filter(needed).cloned().collect();
    if needed.len() > MAX_QUERY_WORDS {
        return Err(Invalid::new("/text", format!("must have at most {MAX_QUERY_WORDS} words")));
    }
    Ok(needed)
}

/// Whether a title has all the words.
pub(crate) fn match_title(title_words: &str, query: &[String]) -> bool {
    query.iter().all(|start| title_words.split(' ').any(|word| word.starts_with(start.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        assert_eq!(of_title("Pokémon™ Légendes: Z-A"), "a legendes pokemontm z");
        assert_eq!(of_title("Assassin’s Creed® Ⅱ"), "assassins creed ii");
        assert_eq!(of_title("原神 STRASSE ΣΊΣΥΦΟΣ"), "strasse σισυφοσ 原神");
        assert_eq!(of_title("…!?"), "");
    }

    #[test]
    fn a_query_keeps_only_what_it_needs() {
        assert_eq!(of_query("Call cal of-duty CALL").unwrap(), ["call", "duty", "of"]);
        assert_eq!(of_query(" \"' OR *:() \0").unwrap(), ["or"]);
        assert!(of_query(&(0..40).map(|n| format!("w{n}x")).collect::<Vec<_>>().join(" ")).is_err());
    }

    #[test]
    fn words_match_by_their_beginning() {
        let title = of_title("Call of Duty: Modern Warfare III");
        assert!(match_title(&title, &of_query("war call").unwrap()));
        assert!(!match_title(&title, &of_query("fare").unwrap()));
        assert!(match_title(&title, &[]));
    }
}
