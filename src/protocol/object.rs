//! The typed forms of what platforms write in JSON, which know the names of their own fields.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A typed form, or a part of one, that can list the paths of its fields as the wire spells them: `member.id`,
/// `layout.layers[].x`.
pub trait WireObject {
    /// Adds the paths of its fields, each behind `prefix`.
    fn paths(prefix: &str, out: &mut Vec<String>);
}

macro_rules! leaves {
    ($($leaf:ty),+) => {$(
        impl WireObject for $leaf {
            fn paths(prefix: &str, out: &mut Vec<String>) {
                out.push(prefix.to_owned());
            }
        }
    )+};
}

leaves!(String, bool, i64, u64, f64, Value);

impl<T: WireObject> WireObject for Option<T> {
    fn paths(prefix: &str, out: &mut Vec<String>) {
        T::paths(prefix, out);
    }
}

impl<T: WireObject> WireObject for Vec<T> {
    fn paths(prefix: &str, out: &mut Vec<String>) {
        T::paths(&format!("{prefix}[]"), out);
    }
}

/// `prefix` and a field below it.
pub(super) fn below(prefix: &str, field: &str) -> String {
    if prefix.is_empty() { field.to_owned() } else { format!("{prefix}.{field}") }
}

/// Reads a field; JSON's `null` is what is not there.
pub(super) fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(reader: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(reader)?.unwrap_or_default())
}

/// Makes typed forms. A field that the wire may leave out, or give as `null`, reads as empty text, an empty list or `None`;
/// what the wire calls otherwise is named behind the field.
macro_rules! wire_objects {
    ($($(#[$about:meta])* $name:ident { $($field:ident $($wire:literal)?: $type:ty),* $(,)? })+) => {$(
        $(#[$about])*
        ///
        /// The fields are the wire's own.
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        #[allow(missing_docs)]
        pub struct $name {
            $(
                $(#[serde(rename = $wire)])?
                #[serde(deserialize_with = "crate::protocol::object::or_default")]
                pub $field: $type,
            )*
        }

        impl crate::protocol::WireObject for $name {
            fn paths(_prefix: &str, _out: &mut Vec<String>) {
                $(<$type as crate::protocol::WireObject>::paths(
                    &crate::protocol::object::below(_prefix, [$($wire,)? stringify!($field)][0]),
                    _out,
                );)*
            }
        }
    )+};
}
pub(super) use wire_objects;
