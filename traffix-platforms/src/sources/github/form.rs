//! The body that an issue form makes: `### Heading`, an empty line, the value.

/// What a form writes where nothing was entered.
const NO_RESPONSE: &str = "_No response_";

/// What a suggestion's form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Version,
    Size,
    Date,
    Source,
}

/// The values of a body by field. Values are trimmed and never empty; of a repeated heading every value is there.
pub(super) fn values(body: &str) -> Vec<(Field, &str)> {
    let trimmed = sections(body).map(|(heading, value)| (heading, value.trim()));
    let entered = trimmed.filter(|(_, value)| !value.is_empty() && *value != NO_RESPONSE);
    entered.filter_map(|(heading, value)| Some((field(heading)?, value))).collect()
}

/// Heading and text of every section.
fn sections(body: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = body.match_indices("### ").map(|(at, _)| at);
    let starts: Vec<usize> = starts.filter(|at| *at == 0 || body.as_bytes()[at - 1] == b'\n').collect();
    let ends: Vec<usize> = starts.iter().copied().skip(1).chain([body.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let section = &body[start + "### ".len()..end];
        section.split_once('\n').unwrap_or((section, ""))
    })
}

/// The field that a heading asks for, by the words of the forms in use: `Name`, `Game version`, `Size (GB)`,
/// `Release date`, `Source URL`.
fn field(heading: &str) -> Option<Field> {
    let heading = heading.to_lowercase();
    let words: Vec<&str> = heading.split(|c: char| !c.is_alphanumeric()).collect();
    // The more telling word decides: "game version" is a version.
    let order = [
        (Field::Version, &["version", "build"][..]),
        (Field::Size, &["size", "gb", "gigabytes"]),
        (Field::Date, &["date", "day", "when"]),
        (Field::Source, &["source", "url", "link", "evidence"]),
        (Field::Name, &["name", "title", "game"]),
    ];
    order.into_iter().find(|(_, known)| words.iter().any(|word| known.contains(word))).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_values() {
        let body = "intro\r\n\r\n### Name\r\n\r\nExample Game\r\n\r\n### Game version\n\n_No response_\n\n### Size (GB)\n\n 83.5 \n### Release Date\n\n01/02/2027\n\n#### Source\n\nnot a form's heading\n### Source URL\n\nhttps://example.org/\n### Anything else\n\nno";
        assert_eq!(
            values(body),
            [
                (Field::Name, "Example Game"),
                (Field::Size, "83.5"),
                (Field::Date, "01/02/2027\n\n#### Source\n\nnot a form's heading"),
                (Field::Source, "https://example.org/"),
            ]
        );
        for odd in ["", "### ", "###", "### Name", "### \n### \n", "text ### Name\n\nx"] {
            assert_eq!(values(odd), [], "{odd:?}");
        }
    }
}
