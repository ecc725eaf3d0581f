//! The tokens that a model speaks in.
//!
//! `tokenizer.bin` lists them: a length (one byte below 128, else two: the low seven bits + 128, then the rest), then as many
//! bytes of text. `▁` stands for a space, `<0xC3>` for a byte that is part of a character, and other names in angle brackets
//! say nothing.

/// See the module's head.
pub(super) struct Tokens(Vec<Vec<u8>>);

impl Tokens {
    /// Reads the list; `None` if that is none.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Tokens> {
        let mut tokens = Vec::new();
        while let [low, rest @ ..] = bytes {
            let (length, rest) = match *low < 128 {
                true => (usize::from(*low), rest),
                false => {
                    let (high, rest) = rest.split_first()?;
                    (usize::from(*low - 128) + usize::from(*high) * 128, rest)
                }
            };
            let (token, rest) = rest.split_at_checked(length)?;
            tokens.push(token.to_vec());
            bytes = rest;
        }
        (tokens.len() > 256).then_some(Tokens(tokens))
    }

    /// The tokens that are one of these texts.
    pub(super) fn find(&self, texts: &[&str]) -> Vec<i64> {
        let is_one = |token: &[u8]| texts.iter().any(|text| token == text.as_bytes());
        (0..).zip(&self.0).filter(|(_, token)| is_one(token)).map(|(id, _)| id).collect()
    }

    /// What these tokens say.
    pub(super) fn text(&self, ids: &[i64]) -> String {
        let mut bytes = Vec::new();
        for token in ids.iter().filter_map(|id| self.0.get(usize::try_from(*id).ok()?)) {
            match (byte_of(token), token.starts_with(b"<") && token.ends_with(b">")) {
                (Some(byte), _) => bytes.push(byte),
                (None, true) => {}
                (None, false) => bytes.extend_from_slice(token),
            }
        }
        String::from_utf8_lossy(&bytes).replace('▁', " ").trim().to_owned()
    }
}

/// `<0xC3>`
fn byte_of(token: &[u8]) -> Option<u8> {
    let hex = std::str::from_utf8(token).ok()?.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_to_its_last_byte_and_a_torn_one_is_none() {
        let mut bytes = Vec::new();
        for n in 0..300 {
            let text = format!("▁t{n}{}", "x".repeat(if n == 299 { 200 } else { 0 }));
            match text.len() < 128 {
                true => bytes.push(text.len() as u8),
                false => bytes.extend([(text.len() % 128) as u8 + 128, (text.len() / 128) as u8]),
            }
            bytes.extend(text.as_bytes());
        }
        let tokens = Tokens::parse(&bytes).unwrap();
        assert_eq!(tokens.text(&[3, 4]), "t3 t4");
        assert_eq!(tokens.text(&[299]).len(), 204);
        assert_eq!(tokens.text(&[-1, 5_000]), "");
        assert!(Tokens::parse(&bytes[..bytes.len() - 1]).is_none());
        assert!(Tokens::parse(b"").is_none());
    }

    #[test]
    fn bytes_make_characters_and_marks_say_nothing() {
        assert_eq!(byte_of(b"<0xC3>"), Some(0xC3));
        let list: Vec<u8> =
            [b"<0xC3>".as_slice(), b"<0xA9>", b"<s>"].iter().flat_map(|t| [&[t.len() as u8], *t].concat()).collect();
        let padding = [1, b'x'].repeat(300);
        let tokens = Tokens::parse(&[list, padding].concat()).unwrap();
        assert_eq!(tokens.text(&[2, 0, 1, 3]), "éx");
    }
}
