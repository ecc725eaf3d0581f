//! One table: read as far as that goes, and where in the text its keys are.

use std::{borrow::Cow, ops::Range};

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::text;

type Key<'a> = Spanned<Cow<'a, str>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A table as far as it could be read, and where in the text what was wrong.
pub(super) struct Read<T> {
    pub(super) read: Option<T>,
    pub(super) faults: Vec<(Range<usize>, String)>,
}

/// Reads a table. A key that does not fit is told and taken out, and the rest is read: one fault does not hide the next.
pub(super) fn read<T: DeserializeOwned>(mut value: Value<'_>) -> Read<T> {
    let whole = value.span();
    let mut faults: Vec<(Range<usize>, String)> = Vec::new();
    let mut taken_out: Vec<String> = Vec::new();
    loop {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => return Read { read: Some(read), faults },
            Err(error) => error,
        };
        let at = error.span().filter(|at| *at != whole);
        // A key that must be there, and was taken out for what it held, has been told of.
        if !taken_out.iter().any(|key| error.message() == format!("missing field `{key}`")) {
            faults.push((at.clone().unwrap_or(whole.clone()), problem(error.message())));
        }
        match at.and_then(|at| take_out(&mut value, &at)) {
            Some(key) => taken_out.push(key),
            None => return Read { read: None, faults },
        }
    }
}

/// What a reader says is wrong. A key of an earlier version is told its new name.
fn problem(message: &str) -> String {
    let problem = text::in_a_writers_words(message);
    let is_meant = |(old, _): &&(&str, &str)| problem.starts_with(&format!("there is no key `{old}`"));
    match RENAMED.iter().find(is_meant) {
        Some((old, new)) => format!("`{old}` is called `{new}` now"),
        None => problem,
    }
}

/// Keys that had another name.
const RENAMED: [(&str, &str); 3] =
    [("max_stay", "max_duration"), ("joins_at_once", "max_concurrent_joins"), ("forgive", "reset_after")];

/// Takes out the innermost key around `at`, and gives its name.
fn take_out(value: &mut Value<'_>, at: &Range<usize>) -> Option<String> {
    let DeValue::Table(table) = value.get_mut() else { return None };
    // A table that dotted keys make has the place of its first key only: what is in it is asked first.
    if let Some(name) = table.iter_mut().find_map(|(_, value)| take_out(value, at)) {
        return Some(name);
    }
    let is_around = |(key, value): &(&Key<'_>, &Value<'_>)| {
        key.span().start <= at.start && at.end <= key.span().end.max(value.span().end)
    };
    let key = table.iter().find(is_around).map(|(key, _)| key.clone())?;
    table.remove(&key).map(|_| key.get_ref().to_string())
}

/// Whether a key whose value was taken out is `key`, its table, or in the same table, so that nothing can be said of `key`.
pub(super) fn is_beside(broken: &str, key: &str) -> bool {
    let table_of = |key: &str| key.rsplit_once('.').map(|(table, _)| table.to_owned());
    let table = table_of(key);
    broken == key || table.as_deref() == Some(broken) || (table.is_some() && table == table_of(broken))
}

/// Where in the text each key is, with the tables that it is in.
pub(super) struct Places(pub(super) Vec<(String, Range<usize>)>);

impl Places {
    pub(super) fn of(value: &DeValue<'_>) -> Places {
        value.as_table().map_or_else(|| Places(Vec::new()), Places::of_table)
    }

    pub(super) fn of_table(table: &DeTable<'_>) -> Places {
        let mut places = Places(Vec::new());
        places.add("", table);
        places
    }

    fn add(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            // From the key to the end of its value.
            self.0.push((path.clone(), key.span().start..value.span().end.max(key.span().end)));
            if let DeValue::Table(inner) = value.get_ref() {
                self.add(&format!("{path}."), inner);
            }
        }
    }

    /// The innermost key around `at`.
    pub(super) fn key_at(&self, at: &Range<usize>) -> String {
        let around = self.0.iter().filter(|(_, span)| span.start <= at.start && at.end <= span.end);
        around.max_by_key(|(path, _)| path.len()).map(|(path, _)| path.clone()).unwrap_or_default()
    }

    /// Where `key` is.
    pub(super) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.0.iter().find(|(path, _)| path == key).map(|(_, span)| span.clone())
    }

    /// Where `key` is, or the table that it would be in.
    pub(super) fn nearest(&self, key: &str) -> Option<Range<usize>> {
        let parent = || key.rsplit_once('.').and_then(|(table, _)| self.nearest(table));
        self.span_of(key).or_else(parent)
    }
}
