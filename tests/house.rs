//! The rules of the house, read off the source: layers, sizes, bounds.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the bottom up. A module imports those below it; modules of one rank do not know each other.
const RANKS: [&[&str]; 15] = [
    &["text", "trouble", "files", "stats", "units"],
    &["web", "net", "audio", "event"],
    &["agent"],
    &["conversation"],
    &["archive", "speech"],
    &["dialogue"],
    &["signal"],
    &["protocol"],
    &["session"],
    &["platform"],
    &["feed"],
    &["fishjam", "signalwire", "nkmedia", "dubtrack"],
    &["host", "sandbox", "console"],
    &["cli"],
    &["docs"],
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

/// The source without what is compiled for tests alone, wherever that stands.
fn code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        // The item goes on to its closing brace at the same depth, or is one line.
        let end = format!("{indent}}}");
        for line in lines.by_ref() {
            let is_more = line.trim_start().starts_with("#[");
            if line == end
                || (line.ends_with(';')
                    && line.starts_with(indent)
                    && !is_more
                    && !line[indent.len()..].starts_with(' '))
            {
                break;
            }
        }
    }
    kept.join("\n")
}

/// Without comments, whose links may lead anywhere.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that stand behind `prefix`, alone or in a list, in imports and in paths.
fn named_behind(prefix: &str, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let ident = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.push(ident(rest));
            continue;
        };
        let (mut depth, mut begins) = (1, true);
        for (n, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                c if begins && c.is_alphanumeric() => {
                    names.push(ident(&list[n..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
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
        for module in named_behind("crate::", &without_comments(&code(&text))).iter().filter(|name| **name != own) {
            imports += 1;
            assert!(rank(module) < rank(&own), "{}: {own} imports {module}, which is not below it", relative.display());
        }
    }
    assert!(imports > 200, "only {imports} imports were found");
}

/// What is built on the seam knows no platform; the table of platforms is the one place that names them.
#[test]
fn sessions_hosts_and_events_know_no_platform() {
    for folder in ["src/session", "src/signal", "src/event", "src/agent", "src/platform", "src/host"] {
        // The table of platforms, and two files of tests.
        let is_free = |path: &Path| {
            let is_table = path.parent().is_some_and(|folder| folder.ends_with("host/platforms"));
            is_table || ["session/allocations.rs", "reconciler/model.rs"].iter().any(|free| path.ends_with(free))
        };
        for (path, text) in sources(folder).into_iter().filter(|(path, _)| !is_free(path)) {
            let code = without_comments(&code(&text));
            for name in ["crate::fishjam", "protocol::", "fishjam::"] {
                assert!(!code.contains(name), "{}: {name}", path.display());
            }
        }
    }
}

/// A built-in agent is a stranger to the library and to the other agents.
#[test]
fn agents_stand_alone() {
    for (path, text) in sources("agents").into_iter().filter(|(path, _)| !path.ends_with("agents/main.rs")) {
        let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("agents")).unwrap();
        let own = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        for module in named_behind("crate::", &without_comments(&code(&text))) {
            assert_eq!(module, own, "{} imports another agent", relative.display());
        }
    }
}

/// The reader of sources reads all of them: what stands behind a test in the middle of a file, too.
#[test]
fn the_reader_of_sources_is_not_fooled() {
    let text = "use crate::a;\n#[cfg(test)]\nmod tests;\nuse crate::{b::{c, d}, e};\n#[cfg(test)]\nmod more {\n    use crate::f;\n}\nfn g() { crate::h::i() }\n// crate::j\n";
    assert_eq!(named_behind("crate::", &without_comments(&code(text))), ["a", "b", "e", "h"]);
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

/// What a device calls must not wait for anybody: it has its ends of rings and atomics, and nothing that locks. That it asks for no
/// memory is measured beside it.
#[test]
fn callbacks_of_devices_lock_nothing() {
    for file in
        ["src/console/capture.rs", "src/console/playback.rs", "src/console/ring.rs", "src/console/device/open.rs"]
    {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in ["Mutex", "RwLock", "Condvar", ".lock(", "channel(", "tracing::", "println!", "sleep("] {
            assert!(!code.contains(word), "{file}: {word}");
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
