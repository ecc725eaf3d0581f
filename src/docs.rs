//! The documents that the code makes of itself. `make docs` writes them; a test holds them.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    event::schema,
    protocol::{CatalogEntry, Protocol, catalog},
};

/// One of the 36 meanings, as the schema describes it.
struct Meaning {
    about: String,
    fields: Vec<String>,
}

/// The meanings by name, out of the schema.
fn meanings() -> BTreeMap<String, Meaning> {
    let mut found = BTreeMap::new();
    let whole = schema();
    collect(&whole, &whole, &mut found);
    found
}

fn collect(whole: &Value, schema: &Value, found: &mut BTreeMap<String, Meaning>) {
    if let Some(name) = schema["properties"]["event"]["const"].as_str() {
        // Some are no more than their tag and what they are about.
        let about = schema["$ref"].as_str().and_then(|path| whole.pointer(path.trim_start_matches('#')));
        let fields = [Some(schema), about].into_iter().flatten().filter_map(|schema| schema["properties"].as_object());
        let fields = fields.flatten();
        let fields = fields.map(|(field, _)| field.clone()).filter(|field| field != "event").collect();
        let about = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        found.insert(name.to_owned(), Meaning { about, fields });
    }
    match schema {
        Value::Object(object) => object.values().for_each(|inner| collect(whole, inner, found)),
        Value::Array(list) => list.iter().for_each(|inner| collect(whole, inner, found)),
        _ => {}
    }
}

fn table_of_meanings(entries: &[CatalogEntry]) -> String {
    let mut table = "| meaning | what happened | fields | said by |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, Meaning { about, fields }) in meanings() {
        let said_by =
            |platform: &&Protocol| entries.iter().any(|entry| entry.platform == **platform && entry.meaning == name);
        let platforms: Vec<&str> = Protocol::ALL.iter().filter(said_by).map(|platform| platform.name()).collect();
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        writeln!(table, "| `{name}` | {about} | {} | {} |", fields.join(" "), platforms.join(", ")).unwrap();
    }
    table
}

fn tables_of_platforms(entries: &[CatalogEntry]) -> String {
    let mut tables = String::new();
    for platform in Protocol::ALL {
        writeln!(tables, "### {platform}\n\n| event | wire | meaning | fields |\n| --- | --- | --- | --- |").unwrap();
        for entry in entries.iter().filter(|entry| entry.platform == platform) {
            let wire = entry.wire.as_deref().map_or("in a page alone".to_owned(), |wire| format!("`{wire}`"));
            let mark = if entry.is_documented { "" } else { " \\*" };
            let fields: Vec<String> = entry.fields.iter().map(|field| format!("`{field}`")).collect();
            let (event, meaning) = (&entry.event, entry.meaning);
            writeln!(tables, "| `{event}`{mark} | {wire} | `{meaning}` | {} |", fields.join(" ")).unwrap();
        }
        tables.push('\n');
    }
    tables
}

/// Puts `made` between the marks of this name.
fn filled(text: &str, name: &str, made: &str) -> String {
    let (begin, end) = (format!("<!-- made by `make docs`: {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("there is no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("there is no {end}"));
    format!("{before}{begin}\n{}\n\n{end}{after}", made.trim())
}

#[test]
fn the_documents_that_the_code_makes_are_up_to_date() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
    let entries = catalog();
    let events = folder.join("events.md");
    let text = fs::read_to_string(&events).unwrap();
    let text_made = filled(&text, "meanings", &table_of_meanings(&entries));
    let text_made = filled(&text_made, "catalogue", &tables_of_platforms(&entries));
    let form = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    let made = [(events, text_made), (folder.join("events.schema.json"), form)];
    for (path, made) in made {
        if std::env::var_os("ROOMTONE_WRITE_DOCS").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let is_so = fs::read_to_string(&path).unwrap_or_default() == made;
        assert!(is_so, "{} is not what the code makes; run `make docs`", path.display());
    }
}

#[test]
fn the_schema_knows_every_meaning() {
    let names: Vec<String> = meanings().into_keys().filter(|name| name != "other").collect();
    let mut documented: Vec<&str> =
        catalog().iter().map(|entry| entry.meaning).filter(|name| *name != "other").collect();
    documented.sort_unstable();
    documented.dedup();
    assert_eq!(names, documented);
    assert!(meanings().values().all(|meaning| !meaning.about.is_empty()), "each says what happened");
}
