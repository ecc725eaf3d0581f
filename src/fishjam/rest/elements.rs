//! A list in an answer, taken apart while it comes: each element by itself, so that a list may be large and one bad
//! element costs nobody but itself.

/// Finds the elements of `{"data": […]}`, whatever else is beside it. Only brackets and strings are looked at; whether
/// an element makes sense is for its reader to say.
#[derive(Debug, Default)]
pub(super) struct Elements {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last string outside of the list, as far as it may be a key that matters.
    key: Vec<u8>,
    list: List,
    /// What has come of the element.
    element: Vec<u8>,
    is_too_large: bool,
}

#[derive(Debug, Default, PartialEq)]
enum List {
    #[default]
    Ahead,
    /// The next bracket opens it.
    Named,
    Open,
    Over,
}

/// One element.
#[derive(Debug, PartialEq)]
pub(super) enum Element<'a> {
    Whole(&'a [u8]),
    /// It is larger than [`LARGEST`].
    TooLarge,
}

impl Elements {
    /// Takes the next bytes of the answer, and gives the elements that end in them.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Element<'_>)) {
        for byte in bytes {
            self.take(*byte, &mut each);
        }
    }

    /// Whether there was a list, and it came to its end.
    pub(super) fn are_complete(&self) -> bool {
        self.list == List::Over && self.depth == 0
    }

    fn take(&mut self, byte: u8, each: &mut impl FnMut(Element<'_>)) {
        if self.in_string {
            self.in_string = self.is_escaped || byte != b'"';
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return self.keep(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.key.clear();
                return self.keep(byte);
            }
            b':' if self.depth == 1 && self.list == List::Ahead && self.key == DATA => self.list = List::Named,
            b'[' if self.depth == 1 && self.list == List::Named => {
                self.list = List::Open;
                self.depth += 1;
                return;
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.list == List::Open && self.depth == 1 {
                    self.end_element(each);
                    self.list = List::Over;
                }
            }
            b',' if self.list == List::Open && self.depth == 2 => return self.end_element(each),
            _ => {}
        }
        if self.list == List::Named && !byte.is_ascii_whitespace() && byte != b':' {
            // It is something else than a list.
            self.list = List::Ahead;
        }
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        if self.list == List::Open {
            if self.element.len() < LARGEST {
                self.element.push(byte);
            } else {
                self.is_too_large = true;
            }
        } else if self.in_string && self.key.len() <= DATA.len() {
            self.key.push(byte);
        }
    }

    fn end_element(&mut self, each: &mut impl FnMut(Element<'_>)) {
        let element = self.element.trim_ascii();
        if std::mem::take(&mut self.is_too_large) {
            each(Element::TooLarge);
        } else if !element.is_empty() {
            each(Element::Whole(element));
        }
        self.element.clear();
    }
}

/// An element's most bytes: a room with thousands of peers.
pub(super) const LARGEST: usize = 1 << 20;
/// As it is kept, with its opening quote.
const DATA: &[u8] = b"\"data";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(bytes: &[u8], piece: usize) -> (Vec<String>, bool) {
        let (mut elements, mut found) = (Elements::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            elements.push(piece, |element| {
                found.push(match element {
                    Element::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Element::TooLarge => "too large".to_owned(),
                });
            });
        }
        (found, elements.are_complete())
    }

    #[test]
    fn elements_are_found_whatever_is_in_them() {
        let text = r#"{"note":{"data":[0]},"dat":"data","data" : [ {"a":"]},{\"\\"}, [1,[2]] ,"x,y",7 ], "more":[8]}"#;
        for piece in [1, 7, 1_000] {
            let (found, is_complete) = split(text.as_bytes(), piece);
            assert_eq!(found, [r#"{"a":"]},{\"\\"}"#, "[1,[2]]", r#""x,y""#, "7"]);
            assert!(is_complete);
        }
        for (text, complete) in
            [(r#"{"data":[]}"#, true), (r#"{"data":7}"#, false), ("[1]", false), (r#"{"data":[1"#, false)]
        {
            assert_eq!(split(text.as_bytes(), 3).1, complete, "{text}");
        }
    }

    #[test]
    fn an_element_beyond_all_measure_costs_itself_alone() {
        let text = format!(r#"{{"data":[1,"{}",2]}}"#, "x".repeat(LARGEST));
        assert_eq!(split(text.as_bytes(), 4_096), (["1", "too large", "2"].map(str::to_owned).to_vec(), true));
    }

    proptest! {
        #[test]
        fn any_list_comes_apart_into_what_it_was_made_of(values in proptest::collection::vec(".{0,20}", 0..10), piece in 1usize..50) {
            let json = serde_json::json!({ "data": values });
            let (found, is_complete) = split(json.to_string().as_bytes(), piece);
            prop_assert!(is_complete);
            let read: Vec<String> = found.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            split(&bytes, 3);
        }
    }
}
