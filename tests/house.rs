//! The rules of the house, read off the source: layers, sizes, bounds.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the bottom up; modules of one rank do not know each other, but for what is said here.
const RANKS: [&[&str]; 6] = [
    &["text", "trouble", "files", "web", "audio", "event"],
    &["protocol", "agent"],
    &["session"],
    &["fishjam"],
    &["host", "sandbox"],
    &["cli"],
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty());
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The source without its tests.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap()
}

fn rank(module: &str) -> usize {
    RANKS.iter().position(|rank| rank.contains(&module)).unwrap_or_else(|| panic!("{module} has no rank"))
}

#[test]
fn lower_layers_do_not_import_higher_ones() {
    let mut imports = 0;
    for (path, text) in sources("src") {
        let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let own = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if own == "lib" {
            continue;
        }
        // `use crate::{a::…, b::…}` puts each module at the start of a line, or right behind the brace.
        let text = code(&text).replace("use crate::{", "use crate::\n    ");
        let mut inside = false;
        for line in text.lines() {
            let names = match line.strip_prefix("use crate::") {
                Some("") => {
                    inside = true;
                    continue;
                }
                Some(rest) => Some(rest),
                None if inside && line.starts_with("    ") && !line.starts_with("        ") => Some(line.trim()),
                None => None,
            };
            inside &= !line.contains(';');
            let Some(module) = names.and_then(|names| names.split([':', ';', ',', '}']).next()) else { continue };
            if module.is_empty() {
                continue;
            }
            imports += 1;
            assert!(rank(module) <= rank(&own), "{}: {own} imports {module}, which is above it", relative.display());
        }
    }
    assert!(imports > 50, "only {imports} imports were found");
}

#[test]
fn files_and_functions_fit() {
    for (path, text) in sources("src").into_iter().chain(sources("agents")) {
        let lines = code(&text).lines().count();
        assert!(lines <= 450, "{}: {lines} lines before its tests", path.display());
        let mut function: Option<(String, usize, usize)> = None;
        for (number, line) in code(&text).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim_start();
            let starts = trimmed.contains("fn ") && !trimmed.starts_with("//") && trimmed.contains('(');
            if starts && function.is_none() {
                function = Some((trimmed.to_owned(), indent, number));
            }
            if let Some((name, depth, start)) = &function {
                if trimmed == "}" && indent == *depth {
                    let length = number - start + 1;
                    assert!(length <= 62, "{}: {length} lines in {name}", path.display());
                    function = None;
                } else if indent == *depth && trimmed.ends_with(';') {
                    function = None;
                }
            }
        }
    }
}

#[test]
fn no_queue_is_unbounded() {
    for (path, text) in sources("src").into_iter().chain(sources("agents")) {
        for word in ["unbounded_channel", "UnboundedSender", "mpsc::unbounded", "sync::mpsc::channel()"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
