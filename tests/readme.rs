//! What the README names is there. Its example is compiled with the documentation's.

use std::{fs, path::Path};

#[test]
fn the_readmes_commands_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut found = 0;
    for line in readme.lines() {
        if let Some(target) = line.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) {
            assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
            found += 1;
        }
    }
    assert_eq!(found, 4);
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|l| !l.starts_with("http"))
    {
        assert!(root.join(link).exists(), "{link}");
    }
}
