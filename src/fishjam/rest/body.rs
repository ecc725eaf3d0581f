//! How an answer's body is taken: as a whole with a bound, or element by element.

use super::{
    elements::{Element, Elements},
    lenient::{Faults, Lenient, read_into},
};

/// Takes a body as it comes. Errors are lines that say why it cannot be read.
pub(super) trait Body {
    type Out;

    fn push(&mut self, bytes: &[u8]) -> Result<(), String>;

    fn finish(self) -> Result<Self::Out, String>;
}

/// A body that is kept as its text. Bytes that are no UTF-8 are replaced: they cost the word that they are in.
#[derive(Default)]
pub(super) struct Whole(Vec<u8>);

impl Body for Whole {
    type Out = String;

    fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.extend_from_slice(bytes);
        match self.0.len() > LARGEST {
            true => Err(format!("it is larger than {} MiB", LARGEST >> 20)),
            false => Ok(()),
        }
    }

    fn finish(self) -> Result<String, String> {
        Ok(String::from_utf8(self.0).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// A list whose elements are read as they come.
pub(super) struct Elementwise<T> {
    elements: Elements,
    list: Vec<T>,
    faults: Faults,
    bytes: usize,
}

impl<T> Default for Elementwise<T> {
    fn default() -> Self {
        Elementwise { elements: Elements::default(), list: Vec::new(), faults: Vec::new(), bytes: 0 }
    }
}

impl<T: Lenient> Body for Elementwise<T> {
    type Out = (Vec<T>, Faults);

    fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Elementwise { elements, list, faults, .. } = self;
        elements.push(bytes, |element| match element {
            Element::Whole(text) => read_into(&String::from_utf8_lossy(text), list, faults),
            Element::TooLarge => faults.push((T::WHAT, "beyond measure".into(), "it is larger than 1 MiB".into())),
        });
        self.bytes += bytes.len();
        match self.bytes > LARGEST_LIST || self.list.len() > MOST_ELEMENTS || self.faults.len() > MOST_ELEMENTS {
            true => Err("the list does not end".into()),
            false => Ok(()),
        }
    }

    fn finish(self) -> Result<(Vec<T>, Faults), String> {
        match self.elements.are_complete() {
            true => Ok((self.list, self.faults)),
            false => Err("it holds no whole list".into()),
        }
    }
}

/// One room with thousands of peers.
const LARGEST: usize = 1 << 20;
/// A hundred thousand rooms of a few people.
const LARGEST_LIST: usize = 256 << 20;
const MOST_ELEMENTS: usize = 200_000;
