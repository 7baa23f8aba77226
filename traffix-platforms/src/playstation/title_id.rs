//! Numbers of titles and products.

/// A console whose title updates are documents on Sony's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Console {
    Ps3,
    Vita,
    Ps4,
    /// Its documents lie under paths that only consoles learn.
    Ps5,
}

/// Four letters and five digits: `CUSA00001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TitleId<'a> {
    pub(super) text: &'a str,
    pub(super) console: Console,
}

impl<'a> TitleId<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let fits = bytes.len() == 9
            && bytes.iter().take(4).all(u8::is_ascii_uppercase)
            && bytes.iter().skip(4).all(u8::is_ascii_digit);
        let console = match text.get(..4)? {
            "CUSA" | "PLAS" => Console::Ps4,
            "PPSA" => Console::Ps5,
            _ if text.starts_with("PCS") => Console::Vita,
            _ => Console::Ps3,
        };
        fits.then_some(Self { text, console })
    }

    /// The title of a product: the middle of `UP1477-CUSA07022_00-FORTNITETESTING1`.
    pub(super) fn of_product(product: &'a str) -> Option<Self> {
        let mut parts = product.split('-');
        let (publisher, title, label) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let fits = publisher.len() == 6 && plain(publisher) && label.len() == 16 && plain(label);
        let (title, _) = title.split_once('_')?;
        if fits && parts.next().is_none() { Self::parse(title) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_tell_the_console() {
        let console = |text| TitleId::parse(text).map(|title| title.console);
        assert_eq!(console("CUSA00001"), Some(Console::Ps4));
        assert_eq!(console("PPSA08340"), Some(Console::Ps5));
        assert_eq!(console("PCSA00007"), Some(Console::Vita));
        assert_eq!(console("BCES00850"), Some(Console::Ps3));
        for odd in ["", "CUSA", "cusa00001", "CUSA0000", "CUSA000011", "CUSA0000é", "../../../"] {
            assert_eq!(console(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_product_holds_its_title() {
        let title = |text| TitleId::of_product(text).map(|title| title.text);
        assert_eq!(title("UP1477-CUSA07022_00-FORTNITETESTING1"), Some("CUSA07022"));
        for odd in
            ["", "UP1477-CUSA07022_00", "UP1477-CUSA07022-FORTNITETESTING1", "U-CUSA07022_00-X", "a-b-c-d"]
        {
            assert_eq!(title(odd), None, "{odd}");
        }
    }
}
