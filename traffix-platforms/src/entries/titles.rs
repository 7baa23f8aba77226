//! Whether two entries may be the same title. Names alone never merge anything: this proposes, people decide.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use traffix_core::catalogue::{Ru, RuKind};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that name how something is sold, not what it is.
const PACKAGING: [&str; 12] = [
    "edition", "deluxe", "standard", "ultimate", "gold", "premium", "complete", "digital", "bundle",
    "preorder", "goty", "the",
];
/// Roman numerals that titles use; `i` and `x` alone are letters too often.
const NUMERALS: [(&str, &str); 11] = [
    ("ii", "2"),
    ("iii", "3"),
    ("iv", "4"),
    ("v", "5"),
    ("vi", "6"),
    ("vii", "7"),
    ("viii", "8"),
    ("ix", "9"),
    ("xi", "11"),
    ("xii", "12"),
    ("xiii", "13"),
];
/// Weight of the title, of a common publisher, and of a common date. Assumed: a wrong proposal costs a moderator a
/// glance, a missed one a double entry.
const WEIGHTS: (f64, f64, f64) = (0.8, 0.1, 0.1);
/// From here on, a likeness is worth a look.
const WORTH_A_LOOK: f64 = 0.75;
/// Releases of one title on several platforms lie at most this far apart, mostly.
const SAME_DATE: TimeDelta = TimeDelta::days(7);

/// How much two entries look like one title, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// 0 to 1.
    pub score: f64,
    /// The reasons, for readers.
    pub reasons: Vec<String>,
}

/// The words of a text in their order: lower-case letters and digits, without accents and trademark signs.
pub fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '™' | '®' | '©' | '℠' | '\'' | '\u{2019}'))
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words that tell one title from another.
pub fn telling_words(title: &str) -> BTreeSet<String> {
    let title = title.to_lowercase().replace("game of the year", " ");
    let number = |word: String| match NUMERALS.iter().find(|(roman, _)| *roman == word) {
        Some((_, arabic)) => (*arabic).to_owned(),
        None => word,
    };
    words(&title).into_iter().filter(|word| !PACKAGING.contains(&word.as_str())).map(number).collect()
}

/// How much two entries look like one title, if enough to ask somebody.
///
/// Entries that one platform lists as two never match, nor do titles with different numbers in them. Updates share the
/// words of their release: they match only if it is the same one and all their words are.
pub fn likeness(one: &Ru, other: &Ru) -> Option<Likeness> {
    let kin = one.kind == other.kind && one.release == other.release;
    let apart = one.listings.iter().any(|listing| {
        let ids = other.listing(&listing.platform).map(|other| (&listing.external_id, &other.external_id));
        matches!(ids, Some((Some(a), Some(b))) if a != b)
    });
    if !kin || apart || one.id == other.id || one.content != other.content {
        return None;
    }
    let (a, b) = (telling_words(&one.title), telling_words(&other.title));
    let numbers = |words: &BTreeSet<String>| -> BTreeSet<String> {
        words.iter().filter(|word| word.chars().any(|c| c.is_ascii_digit())).cloned().collect()
    };
    let is_other = if one.kind == RuKind::Update { a != b } else { numbers(&a) != numbers(&b) };
    if a.is_empty() || b.is_empty() || is_other {
        return None;
    }
    let common = a.intersection(&b).count();
    let alike = 2.0 * count(common) / count(a.len() + b.len());
    let mut reasons = vec![format!("{:?} and {:?} share {common} words", one.title, other.title)];
    let publisher = one.publishers.iter().any(|company| other.publishers.contains(company));
    if publisher {
        reasons.push("the same publisher".into());
    }
    let dates = one.released_at().zip(other.released_at());
    let date = dates.is_some_and(|(a, b)| (a - b).abs() <= SAME_DATE);
    if date {
        reasons.push(format!("released within {} days", SAME_DATE.num_days()));
    }
    let score = WEIGHTS.0 * alike + WEIGHTS.1 * f64::from(publisher) + WEIGHTS.2 * f64::from(date);
    (score >= WORTH_A_LOOK).then_some(Likeness { score, reasons })
}

#[expect(clippy::cast_precision_loss, reason = "titles have few words")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packaging_is_not_part_of_a_title() {
        for (a, b) in [
            ("Pokémon™ Légendes: Z-A", "POKEMON LEGENDES Z A"),
            ("Call of Duty®: Modern Warfare® III", "Call of Duty Modern Warfare 3 - Digital Deluxe Edition"),
            ("The Witcher 3: Wild Hunt – Game of the Year Edition", "Witcher 3 Wild Hunt"),
        ] {
            assert_eq!(telling_words(a), telling_words(b), "{a}");
        }
        assert_ne!(telling_words("Dead Space Remastered"), telling_words("Dead Space"));
    }
}
