//! Machine and fake on either side of a made-up wire, on made-up time: what is promised is kept, and who goes silent is left.

use std::time::{Duration, Instant};

use roomtone::{
    event::Event,
    protocol::{Fault, Frame, Machine, Output, dubtrack, nkmedia, signalwire},
    sandbox::platforms::{FakeDubtrack, FakeNkmedia, FakeOutput, FakeServer, FakeSignalWire},
};
use serde_json::json;

const S: Duration = Duration::from_secs(1);

/// A wire between the two. What each says arrives at once, unless the wire is cut.
struct Wire<F> {
    machine: Box<dyn Machine>,
    fake: F,
    now: Instant,
    is_cut: bool,
    is_deaf: bool,
    client: u64,
    events: Vec<Event>,
    faults: Vec<Fault>,
    closed_by_server: bool,
    lives: usize,
    crossed: usize,
}

impl<F: FakeServer> Wire<F> {
    fn new(machine: impl Machine + 'static, fake: F) -> Wire<F> {
        let mut wire = Wire::unconnected(machine, fake);
        wire.connect();
        wire.carry(usize::MAX);
        wire
    }

    fn unconnected(machine: impl Machine + 'static, fake: F) -> Wire<F> {
        Wire {
            machine: Box::new(machine),
            fake,
            now: Instant::now(),
            is_cut: true,
            is_deaf: false,
            client: 0,
            events: Vec::new(),
            faults: Vec::new(),
            closed_by_server: false,
            lives: 0,
            crossed: 0,
        }
    }

    fn connect(&mut self) {
        (self.client, self.is_cut, self.closed_by_server) = (self.client + 1, false, false);
        self.faults.clear();
        self.fake.on_open(self.now, self.client);
        self.machine.on_open(self.now, 1_790_000_000 * S);
    }

    fn cut(&mut self) {
        self.is_cut = true;
        self.fake.on_closed(self.client);
    }

    /// Carries up to so many frames.
    fn carry(&mut self, most: usize) {
        let until = self.crossed.saturating_add(most);
        loop {
            let (mut is_idle, mut to_machine) = (true, Vec::new());
            while let Some(output) = self.machine.poll_output() {
                is_idle = false;
                match output {
                    Output::Send(text) if !self.is_cut && self.crossed < until => {
                        self.crossed += 1;
                        self.fake.on_text(self.now, self.client, &text);
                    }
                    Output::Event(event) => self.events.push(*event),
                    Output::Live => self.lives += 1,
                    Output::Close(fault) => self.faults.push(fault),
                    _ => {}
                }
            }
            while let Some((client, output)) = self.fake.poll_output() {
                is_idle = false;
                match output {
                    FakeOutput::Send(text) if client == self.client && !self.is_cut && self.crossed < until => {
                        self.crossed += 1;
                        to_machine.push(text);
                    }
                    FakeOutput::Close if client == self.client => self.closed_by_server = true,
                    _ => {}
                }
            }
            if !self.is_deaf {
                to_machine.iter().for_each(|text| self.machine.on_frame(self.now, Frame::Text(text)));
            }
            if is_idle {
                return;
            }
        }
    }

    /// Lets time pass, deadline by deadline, until somebody gives up.
    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while self.faults.is_empty() && !self.closed_by_server {
            let due = self.machine.poll_timeout().into_iter().chain(self.fake.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.fake.on_time(self.now);
            self.machine.on_time(self.now);
            self.carry(usize::MAX);
        }
    }
}

fn signalwire_client() -> signalwire::Client {
    let token = "development".to_owned().into();
    signalwire::Client::new(signalwire::Credentials::Project { project: "p".into(), token })
}

fn nkmedia_client() -> nkmedia::Client {
    nkmedia::Client::new(nkmedia::Login { user: "agent".into(), password: "development".to_owned().into() })
}

fn dubtrack_client() -> dubtrack::Client {
    dubtrack::Client::new(vec!["r".into()], None)
}

fn signalwire() -> Wire<FakeSignalWire> {
    Wire::new(signalwire_client(), FakeSignalWire::default())
}

fn nkmedia(fake: FakeNkmedia) -> Wire<FakeNkmedia> {
    Wire::new(nkmedia_client(), fake)
}

fn dubtrack() -> Wire<FakeDubtrack> {
    Wire::new(dubtrack_client(), FakeDubtrack::default())
}

#[test]
fn a_day_passes_and_nobody_is_cut_off() {
    fn day<F: FakeServer>(mut wire: Wire<F>) {
        assert_eq!(wire.lives, 1);
        wire.pass(86_400 * S);
        assert_eq!((wire.faults.len(), wire.closed_by_server), (0, false));
    }
    day(signalwire());
    day(nkmedia(FakeNkmedia::default()));
    day(nkmedia(FakeNkmedia::default().pinging(10 * S)));
    day(dubtrack());
}

#[test]
fn a_server_that_goes_silent_is_left_and_a_client_that_does_is_cut_off() {
    // Pings stop: the watchdog has 15 s.
    let mut wire = signalwire();
    wire.pass(25 * S);
    wire.is_deaf = true;
    let begun = wire.now;
    wire.pass(60 * S);
    assert_eq!(wire.faults.len(), 1);
    let passed = wire.now - begun;
    assert!(passed <= 15 * S && passed >= 5 * S, "{passed:?} after the look at it, 15 s after the last ping");
    // Its own sign of life, each 20 s, is not answered.
    let mut wire = nkmedia(FakeNkmedia::default().idle(3_600 * S));
    wire.is_deaf = true;
    let begun = wire.now;
    wire.pass(60 * S);
    assert_eq!((wire.faults.len(), wire.now - begun), (1, 30 * S));
    // Its ping, each 25 s, is not answered for 60 s.
    let mut wire = dubtrack();
    wire.is_deaf = true;
    let begun = wire.now;
    wire.pass(600 * S);
    assert_eq!((wire.faults.len(), wire.now - begun), (1, 85 * S));
    // A client that answers no request is cut off after 5 s.
    let mut wire = nkmedia(FakeNkmedia::default());
    wire.is_deaf = true;
    let started = json!({ "class": "media", "subclass": "room", "type": "started", "obj_id": "r" });
    wire.fake.play(wire.now, &started).unwrap();
    wire.carry(usize::MAX);
    let begun = wire.now;
    wire.pass(60 * S);
    assert_eq!((wire.closed_by_server, wire.now - begun), (true, 5 * S));
}

/// However far the two have come with each other when the wire is cut, on the first connection or on one that goes on from
/// another, the next is as good as the first.
#[test]
fn a_wire_cut_in_every_phase_of_the_handshake_is_mended() {
    fn cuts<F: FakeServer>(
        make: impl Fn() -> Wire<F>,
        started: Option<&serde_json::Value>,
        joined: &serde_json::Value,
    ) {
        let begin = || {
            let mut wire = make();
            started.into_iter().for_each(|event| wire.fake.play(wire.now, event).unwrap());
            wire
        };
        let mut whole = begin();
        whole.connect();
        whole.carry(usize::MAX);
        let frames = whole.crossed;
        assert!(frames >= 4, "{frames}");
        for (cut_after, goes_on) in (0..frames).flat_map(|cut_after| [(cut_after, false), (cut_after, true)]) {
            let at = format!("cut after {cut_after} frames of {frames}, goes on: {goes_on}");
            let mut wire = begin();
            if goes_on {
                wire.connect();
                wire.carry(usize::MAX);
                wire.cut();
            }
            wire.connect();
            wire.carry(cut_after);
            wire.cut();
            wire.carry(usize::MAX);
            (wire.lives, wire.events) = (0, Vec::new());
            wire.connect();
            wire.carry(usize::MAX);
            assert_eq!((wire.lives, wire.faults.len()), (1, 0), "{at}");
            wire.fake.play(wire.now, joined).unwrap();
            wire.carry(usize::MAX);
            let joins = wire.events.iter().filter(|event| event.kind.name() == "peer.joined").count();
            assert_eq!(joins, 1, "{at}");
        }
    }
    let session = json!({ "id": "rs", "event_channel": "EC_1" });
    let started =
        json!({ "event_type": "video.room.started", "params": { "room_session_id": "rs", "room_session": session } });
    let joined = json!({ "event_type": "video.member.joined", "event_channel": "EC_1",
        "params": { "room_session_id": "rs", "member": { "id": "m", "type": "member" } } });
    cuts(|| Wire::unconnected(signalwire_client(), FakeSignalWire::default()), Some(&started), &joined);
    cuts(|| Wire::unconnected(signalwire_client(), FakeSignalWire::default().forgetful()), Some(&started), &joined);
    let joined = json!({ "class": "media", "subclass": "room", "type": "started_publisher", "obj_id": "r",
        "body": { "session_id": "s", "user": "ada" } });
    cuts(|| Wire::unconnected(nkmedia_client(), FakeNkmedia::default()), None, &joined);
    let data = json!({ "type": "user-join", "user": { "_id": "u" }, "roomUser": { "roomid": "r" } }).to_string();
    let message = json!({ "name": "user-join", "type": "json", "data": data });
    let joined = json!({ "action": 15, "channel": "room:r", "message": message });
    cuts(|| Wire::unconnected(dubtrack_client(), FakeDubtrack::default()), None, &joined);
}

#[test]
fn every_event_is_acknowledged() {
    let mut wire = signalwire();
    for line in include_str!("../data/platforms/signalwire.jsonl").lines() {
        let sample: serde_json::Value = serde_json::from_str(line).unwrap();
        wire.fake.play(wire.now, &sample["frame"]).unwrap();
        wire.carry(usize::MAX);
    }
    assert_eq!(wire.fake.unacknowledged(), 0);
    assert!(wire.events.len() > 29, "{}", wire.events.len());
}
