//! Captions of rooms while people speak, for those who may follow one of them.
//!
//! Each room has a channel while a session is in it or somebody follows it. A follower begins with the newest lines that are
//! final, so that whoever comes late sees what was just said; one that is too slow is told how much it missed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::reconciler::Key;
use crate::{
    conversation::transcript::Caption,
    event::RoomId,
    net::{Credential, signature},
    session::{SessionEvent, SessionEventKind},
};

/// The captions of all rooms. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Captions(Arc<Mutex<HashMap<RoomId, Channel>>>);

struct Channel {
    told: broadcast::Sender<Told>,
    /// The newest that are final.
    newest: VecDeque<Told>,
    next: u64,
    sessions: usize,
}

/// A caption that was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) json: Arc<str>,
}

/// The end at which a session tells its captions.
pub(super) struct CaptionFeed {
    captions: Captions,
    key: Key,
    session: String,
}

/// The end at which somebody follows a room.
pub(super) struct Follower {
    pub(super) newest: VecDeque<Told>,
    pub(super) told: broadcast::Receiver<Told>,
}

impl Captions {
    /// A session is in its room.
    pub(super) fn open(&self, key: &Key, session: String) -> CaptionFeed {
        self.channels().entry(key.room.clone()).or_insert_with(Channel::new).sessions += 1;
        CaptionFeed { captions: self.clone(), key: key.clone(), session }
    }

    /// Somebody follows a room, which may have no session yet; `None` if as many do as may.
    pub(super) fn follow(&self, room: &RoomId) -> Option<Follower> {
        let mut channels = self.channels();
        // Rooms that nobody is in or follows any more are forgotten.
        channels.retain(|_, channel| channel.sessions > 0 || channel.told.receiver_count() > 0);
        let all = followers(&channels);
        let here = channels.get(room).map_or(0, |channel| channel.told.receiver_count());
        if all >= MOST_FOLLOWERS || here >= MOST_OF_A_ROOM {
            return None;
        }
        let channel = channels.entry(room.clone()).or_insert_with(Channel::new);
        Some(Follower { newest: channel.newest.clone(), told: channel.told.subscribe() })
    }

    /// How many follow.
    pub(super) fn followers(&self) -> usize {
        followers(&self.channels())
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<RoomId, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn followers(channels: &HashMap<RoomId, Channel>) -> usize {
    channels.values().map(|channel| channel.told.receiver_count()).sum()
}

impl Channel {
    fn new() -> Channel {
        Channel { told: broadcast::Sender::new(WAITING), newest: VecDeque::new(), next: 1, sessions: 0 }
    }
}

impl CaptionFeed {
    /// Tells what a session told, if that is a caption.
    pub(super) fn tell(&self, event: &SessionEvent) {
        let SessionEventKind::Note(note) = &event.kind else { return };
        let Some(caption) = note.data.get(Caption::NAME).and_then(Value::as_object) else { return };
        let mut channels = self.captions.channels();
        let Some(channel) = channels.get_mut(&self.key.room) else { return };
        let mut line = caption.clone();
        line.insert("deploy".into(), json!(*self.key.deploy));
        line.insert("session".into(), json!(self.session));
        let told = Told { id: channel.next, json: Value::Object(line).to_string().into() };
        channel.next += 1;
        if !note.is_interim {
            channel.newest.push_back(told.clone());
            let too_many = channel.newest.len().saturating_sub(NEWEST);
            channel.newest.drain(..too_many);
        }
        // Nobody need follow.
        channel.told.send(told).ok();
    }
}

impl Drop for CaptionFeed {
    /// What was said in a room stays in memory no longer than somebody is there who hears it.
    fn drop(&mut self) {
        let mut channels = self.captions.channels();
        if let Some(channel) = channels.get_mut(&self.key.room) {
            channel.sessions -= 1;
            if channel.sessions == 0 {
                channel.newest.clear();
                if channel.told.receiver_count() == 0 {
                    channels.remove(&self.key.room);
                }
            }
        }
    }
}

/// A token for the captions of one room until `expires_s`, in seconds since 1970: made of the admin token, so that it lives as
/// long as that does, on every host that has it.
pub(super) fn token(room: &RoomId, expires_s: u64, admin: &Credential) -> String {
    let signed = signature::sign(&text(room, expires_s), admin.token().expose_secret().as_bytes());
    format!("{expires_s}.{}", signed.trim_start_matches("sha256="))
}

/// When a token for this room ends; `None` if it is none, or has ended.
pub(super) fn expiry(shown: &str, room: &RoomId, admin: &Credential) -> Option<u64> {
    let (expires, mac) = shown.split_once('.')?;
    let expires_s: u64 = expires.parse().ok()?;
    let is_right = signature::verify(&text(room, expires_s), mac, admin.token().expose_secret().as_bytes());
    (is_right && expires_s > now_s()).then_some(expires_s)
}

fn text(room: &RoomId, expires_s: u64) -> Vec<u8> {
    format!("roomtone captions\n{expires_s}\n{room}").into_bytes()
}

pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Who may follow at a time, all rooms together and one: connections of the admin interface that are left for orders.
const MOST_FOLLOWERS: usize = 64;
const MOST_OF_A_ROOM: usize = 32;
/// Captions that may wait for one who follows.
const WAITING: usize = 256;
/// Final captions that one who comes late is told.
const NEWEST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_room_and_its_time() {
        let admin = Credential::fixed("secret".into());
        let (room, later) = (RoomId::from("r1"), now_s() + 60);
        let shown = token(&room, later, &admin);
        assert_eq!(expiry(&shown, &room, &admin), Some(later));
        assert_eq!(expiry(&shown, &"r2".into(), &admin), None);
        assert_eq!(expiry(&shown, &room, &Credential::fixed("other".into())), None);
        let longer = shown.replacen(&later.to_string(), &(later + 1).to_string(), 1);
        assert_eq!(expiry(&longer, &room, &admin), None, "its end is part of what is signed");
        assert_eq!(expiry(&token(&room, now_s(), &admin), &room, &admin), None);
        assert!(["", ".", "1.2", "x.y"].iter().all(|none| expiry(none, &room, &admin).is_none()));
    }

    #[test]
    fn who_comes_late_is_told_what_is_final_and_nothing_stays_behind() {
        let captions = Captions::default();
        let key = Key { room: "r".into(), deploy: "scribe".into() };
        let feed = captions.open(&key, "1".into());
        let note = |text: &str, is_interim| {
            let data = json!({ "caption": { "text": text } });
            let data = data.as_object().unwrap().clone();
            let note = crate::agent::Note { text: text.into(), is_interim, data, ..Default::default() };
            SessionEvent { at: std::time::Duration::ZERO, kind: SessionEventKind::Note(note) }
        };
        feed.tell(&note("good", true));
        feed.tell(&note("good morning", false));
        let mut late = captions.follow(&"r".into()).unwrap();
        assert_eq!(late.newest.len(), 1);
        assert!(late.newest[0].json.contains("good morning") && late.newest[0].json.contains("scribe"));
        feed.tell(&note("and", true));
        assert!(late.told.try_recv().unwrap().json.contains("and"));
        assert_eq!(captions.follow(&"other".into()).unwrap().newest.len(), 0, "another room has nothing of it");
        drop(feed);
        assert_eq!(captions.follow(&"r".into()).unwrap().newest.len(), 0);
        drop(late);
        let many: Vec<_> = (0..40).filter_map(|_| captions.follow(&"x".into())).collect();
        assert_eq!((many.len(), captions.followers()), (MOST_OF_A_ROOM, MOST_OF_A_ROOM));
        assert!(!captions.channels().contains_key(&RoomId::from("r")));
    }
}
