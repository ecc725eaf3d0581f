//! Which peers this process has made, or was about to make, on disk: after a crash the next process finds them there
//! and removes them.
//!
//! Each process writes a file of its own and holds a lock on it for as long as it lives. A file that can be locked has
//! lost its process, so several hosts may share a folder, an old one that drains and a new one among them.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    event::{PeerId, RoomId},
    files,
};

/// This process's file.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    fishjam: String,
    page: Mutex<Page>,
}

#[derive(Debug)]
struct Page {
    path: PathBuf,
    file: File,
    here: HashMap<PeerId, RoomId>,
    /// How many peers are being made in which room.
    making: HashMap<RoomId, usize>,
    lines: usize,
}

/// What a process that is no more has left behind.
#[derive(Debug, Default)]
pub(super) struct StalePeers {
    pub(super) peers: Vec<(RoomId, PeerId)>,
    /// Rooms in which it was making peers a short while ago, and how many: they may have more than is known.
    pub(super) rooms: HashMap<RoomId, usize>,
    files: Vec<(PathBuf, File)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Fishjam(String),
    Making(RoomId),
    /// And it was not made.
    Unmade(RoomId),
    Made(RoomId, PeerId),
    Gone(PeerId),
}

impl Journal {
    /// Opens a file in `folder` for the peers at `fishjam`, and finds those of processes that are no more.
    pub(super) fn open(folder: &Path, fishjam: &str) -> io::Result<(Journal, StalePeers)> {
        files::create_folder(folder)?;
        let fishjam = &one_name(fishjam);
        let page = Page::create(folder, fishjam, [])?;
        let stale = StalePeers::find(folder, fishjam, page.file.metadata()?.uid())?;
        Ok((Journal { folder: folder.to_owned(), fishjam: fishjam.to_owned(), page: Mutex::new(page) }, stale))
    }

    /// A peer is about to be made; [`made`](Self::made) or [`unmade`](Self::unmade) follows.
    pub(super) fn making(&self, room: &RoomId) {
        self.note(|page| {
            *page.making.entry(room.clone()).or_default() += 1;
            page.write(&Line::Making(room.clone()))
        });
    }

    pub(super) fn unmade(&self, room: &RoomId) {
        self.note(|page| {
            one_less(&mut page.making, room);
            page.write(&Line::Unmade(room.clone()))
        });
    }

    pub(super) fn made(&self, room: &RoomId, peer: &PeerId) {
        self.note(|page| {
            one_less(&mut page.making, room);
            page.here.insert(peer.clone(), room.clone());
            page.write(&Line::Made(room.clone(), peer.clone()))
        });
    }

    pub(super) fn gone(&self, peer: &PeerId) {
        self.note(|page| {
            page.here.remove(peer);
            page.write(&Line::Gone(peer.clone()))
        });
    }

    /// Whether this process made `peer`, and it is still there.
    pub(super) fn has(&self, peer: &PeerId) -> bool {
        self.page.lock().expect("no holder panics").here.contains_key(peer)
    }

    /// Peers that this process made, and any other with a file in the folder, as far as that is known.
    pub(super) fn all_known(&self) -> HashSet<PeerId> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let user = self.page.lock().expect("no holder panics").file.metadata().map_or(u32::MAX, |about| about.uid());
        let pages = entries.filter_map(|path| open_page(&path, user)).filter_map(|file| read_text(&file).ok());
        let others = pages.filter_map(|text| read(&text, &self.fishjam)).flat_map(|(here, _)| here.into_keys());
        // What could not be written is known here alone.
        let mut known: HashSet<PeerId> = others.collect();
        known.extend(self.page.lock().expect("no holder panics").here.keys().cloned());
        known
    }

    fn note(&self, note: impl FnOnce(&mut Page) -> io::Result<()>) {
        let mut page = self.page.lock().expect("no holder panics");
        let mut done = note(&mut page);
        if page.lines > LINES + 2 * (page.here.len() + page.making.values().sum::<usize>()) {
            done = done.and_then(|()| self.turn(&mut page));
        }
        if let Err(error) = done {
            tracing::warn!("{}: {error}; after a crash a peer may stay behind", page.path.display());
        }
    }

    /// Begins a new page with what still holds, and throws the old one away.
    fn turn(&self, page: &mut Page) -> io::Result<()> {
        let made = page.here.iter().map(|(peer, room)| Line::Made(room.clone(), peer.clone()));
        let making = page.making.iter().flat_map(|(room, n)| (0..*n).map(|_| Line::Making(room.clone())));
        let mut next = Page::create(&self.folder, &self.fishjam, made.chain(making))?;
        (next.here, next.making) = (std::mem::take(&mut page.here), std::mem::take(&mut page.making));
        let old = std::mem::replace(page, next);
        fs::remove_file(old.path)
    }
}

impl Drop for Journal {
    /// A host that ended properly leaves nothing.
    fn drop(&mut self) {
        let page = self.page.get_mut().expect("no holder panics");
        if page.here.is_empty() && page.making.is_empty() {
            fs::remove_file(&page.path).ok();
        }
    }
}

impl Page {
    /// A page that begins with `lines`; one that cannot be written whole is not left behind.
    fn create(folder: &Path, fishjam: &str, lines: impl IntoIterator<Item = Line>) -> io::Result<Page> {
        let path = folder.join(format!("{PREFIX}{}.jsonl", uuid::Uuid::new_v4()));
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        file.lock()?;
        let mut page = Page { path, file, here: HashMap::new(), making: HashMap::new(), lines: 0 };
        let mut lines = [Line::Fishjam(fishjam.to_owned())].into_iter().chain(lines);
        match lines.try_for_each(|line| page.write(&line)) {
            Ok(()) => Ok(page),
            Err(error) => {
                fs::remove_file(&page.path).ok();
                Err(error)
            }
        }
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        self.lines += 1;
        // In one piece, so that a crash leaves whole lines.
        let mut text = serde_json::to_string(line).expect("plain JSON");
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }
}

impl StalePeers {
    fn find(folder: &Path, fishjam: &str, user: u32) -> io::Result<StalePeers> {
        let mut found = StalePeers::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // Another process may have taken it away since it was listed.
            let Some(file) = open_page(&path, user) else { continue };
            if file.try_lock().is_err() {
                continue;
            }
            if let Some((here, making)) = read(&read_text(&file).unwrap_or_default(), fishjam) {
                found.peers.extend(here.into_iter().map(|(peer, room)| (room, peer)));
                let is_recent = file.metadata().and_then(|about| about.modified()).is_ok_and(|at| {
                    at.elapsed().unwrap_or_default() < RECENT // A clock that was set back makes it recent.
                });
                for (room, n) in making.into_iter().filter(|_| is_recent) {
                    *found.rooms.entry(room).or_default() += n;
                }
                found.files.push((path, file));
            }
        }
        Ok(found)
    }

    /// Their peers are removed.
    pub(super) fn forget(self) {
        for (path, _lock) in self.files {
            fs::remove_file(path).ok();
        }
    }
}

/// What a page says is there and is being made, if it is of `fishjam`.
fn read(text: &str, fishjam: &str) -> Option<(HashMap<PeerId, RoomId>, HashMap<RoomId, usize>)> {
    let mut lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    match lines.next() {
        Some(Line::Fishjam(address)) if one_name(&address) == fishjam => {}
        _ => return None,
    }
    let (mut here, mut making) = (HashMap::new(), HashMap::new());
    for line in lines {
        match line {
            Line::Making(room) => *making.entry(room).or_default() += 1,
            Line::Unmade(room) => one_less(&mut making, &room),
            Line::Made(room, peer) => {
                one_less(&mut making, &room);
                here.insert(peer, room);
            }
            Line::Gone(peer) => drop(here.remove(&peer)),
            Line::Fishjam(_) => {}
        }
    }
    Some((here, making))
}

/// A page that a process of `user` wrote. Whatever else goes by such a name is not even opened: a pipe would hold the host
/// up, and somebody else's page could name any peer.
fn open_page(path: &Path, user: u32) -> Option<File> {
    if !path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX)) {
        return None;
    }
    let is_ours = |about: &fs::Metadata| about.is_file() && about.uid() == user && about.len() <= LARGEST;
    match fs::symlink_metadata(path) {
        Ok(about) if is_ours(&about) => {
            let file = File::open(path).ok()?;
            // What was looked at and what was opened may differ.
            file.metadata().is_ok_and(|about| is_ours(&about)).then_some(file)
        }
        Ok(_) => {
            tracing::warn!("{} is not a file that this user's hosts wrote; it is left alone", path.display());
            None
        }
        Err(_) => None,
    }
}

/// A crash may have left half a character.
fn read_text(mut file: &File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// This machine has several names.
fn one_name(fishjam: &str) -> String {
    let Ok(mut url) = url::Url::parse(fishjam) else { return fishjam.to_owned() };
    if matches!(url.host_str(), Some("localhost" | "[::1]")) {
        url.set_host(Some("127.0.0.1")).ok();
    }
    url.as_str().trim_end_matches('/').to_owned()
}

fn one_less(making: &mut HashMap<RoomId, usize>, room: &RoomId) {
    if let Some(n) = making.get_mut(room) {
        *n -= 1;
        if *n == 0 {
            making.remove(room);
        }
    }
}

const PREFIX: &str = "peers-";
/// For how long after its last line a dead process may have left a peer that it was making.
const RECENT: Duration = Duration::from_secs(600);
/// The largest page that is read: a hundred times what a host writes.
const LARGEST: u64 = 64 << 20;
/// After so many lines that no longer matter a new page is begun.
const LINES: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roomtone-journal-{name}-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_a_dead_process_left_is_found_and_a_living_one_is_left_alone() {
        let folder = folder("dead");
        let (one, found) = Journal::open(&folder, "http://a").unwrap();
        assert!(found.peers.is_empty());
        one.made(&"room".into(), &"p1".into());
        one.made(&"room".into(), &"p2".into());
        one.gone(&"p1".into());
        let (two, found) = Journal::open(&folder, "http://a").unwrap();
        assert!(found.peers.is_empty(), "the first still lives");
        drop((one, two));
        let (_, found) = Journal::open(&folder, "http://b").unwrap();
        assert!(found.peers.is_empty(), "another Fishjam's peers");
        let (_, found) = Journal::open(&folder, "http://a").unwrap();
        assert_eq!(found.peers, [("room".into(), "p2".into())]);
        found.forget();
        let (_, found) = Journal::open(&folder, "http://a").unwrap();
        assert!(found.peers.is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_room_in_which_a_peer_was_being_made_is_known() {
        let folder = folder("making");
        let (journal, _) = Journal::open(&folder, "http://a").unwrap();
        for (room, end) in [("made", 0), ("not made", 1), ("killed", 2), ("killed on the second", 2)] {
            let room = room.into();
            journal.making(&room);
            match end {
                0 => journal.made(&room, &"p1".into()),
                1 => journal.unmade(&room),
                _ => {}
            }
        }
        journal.making(&"made".into());
        journal.making(&"killed on the second".into());
        journal.made(&"killed on the second".into(), &"p2".into());
        // The next page knows it, too.
        (0..=LINES).for_each(|n| journal.gone(&PeerId::from(format!("p{}", n + 3))));
        drop(journal);
        let (_, found) = Journal::open(&folder, "http://a").unwrap();
        assert_eq!(found.rooms, ["made", "killed", "killed on the second"].map(|room| (RoomId::from(room), 1)).into());
        assert_eq!(found.peers.len(), 2);
        drop(found);
        // What was last written long ago says nothing of the peers that are there now.
        for entry in fs::read_dir(&folder).unwrap() {
            let file = OpenOptions::new().append(true).open(entry.unwrap().path()).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * RECENT).unwrap();
        }
        let (again, found) = Journal::open(&folder, "http://a").unwrap();
        assert_eq!((found.rooms.len(), found.peers.len(), again.all_known().len()), (0, 2, 2));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn this_machines_names_are_one() {
        let folder = folder("names");
        let (journal, _) = Journal::open(&folder, "http://127.0.0.1:5002").unwrap();
        journal.made(&"room".into(), &"p1".into());
        drop(journal);
        let (_, found) = Journal::open(&folder, "http://localhost:5002").unwrap();
        assert_eq!(found.peers, [("room".into(), "p1".into())]);
        let (_, found) = Journal::open(&folder, "http://localhost:5003").unwrap();
        assert!(found.peers.is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_page_of_this_user_is_not_opened() {
        let folder = folder("planted");
        let pipe = folder.join("peers-pipe.jsonl");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let elsewhere = folder.join("elsewhere");
        fs::write(&elsewhere, "{\"fishjam\":\"http://a\"}\n{\"made\":[\"room\",\"planted\"]}\n").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join("peers-link.jsonl")).unwrap();
        let mut half = b"{\"fishjam\":\"http://a\"}\n{\"made\":[\"room\",\"p1\"]}\n{\"made\":[\"r\xc3".to_vec();
        half.extend(b"\n{\"made\":[\"room\",\"p2\"]}\n");
        fs::write(folder.join("peers-half.jsonl"), half).unwrap();
        let (journal, found) = Journal::open(&folder, "http://a").unwrap();
        let mut peers = found.peers.clone();
        peers.sort();
        assert_eq!(peers, [("room".into(), "p1".into()), ("room".into(), "p2".into())]);
        assert_eq!(journal.all_known().len(), 2);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn weeks_of_joins_do_not_fill_the_disk() {
        let folder = folder("weeks");
        let (journal, _) = Journal::open(&folder, "http://a").unwrap();
        journal.made(&"room".into(), &"stays".into());
        for n in 0..10_000 {
            let peer = PeerId::from(format!("p{n}"));
            journal.made(&"room".into(), &peer);
            journal.gone(&peer);
        }
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].metadata().unwrap().len() < 200_000);
        drop(journal);
        assert_eq!(Journal::open(&folder, "http://a").unwrap().1.peers, [("room".into(), "stays".into())]);
        fs::remove_dir_all(folder).unwrap();
    }
}
