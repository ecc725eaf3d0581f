//! How many conversations a machine has at a time, what a further one costs, and what gives way first.
//!
//! `taskset -c 0 cargo bench --bench bots -- --bots 1,10,20,40 --seconds 60 --voice hibari`; `tests/speech/set-up` puts what it needs
//! into `target/speech`. People speak two fifths of the time. The sandbox that carries the sound has the same cores. Times are the
//! agents' own, from the last sound of a person to the first that is heard of the agent.

mod common;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use roomtone::{
    agent::AgentError,
    audio::{Hz, Sound},
    conversation::{Conversation, Speech, UserTurn},
    dialogue::{Dialogue, DialogueOptions, TurnFigures, TurnPart},
    fishjam::{Fishjam, rest::model::RoomConfig},
    platform::JoinOptions,
    sandbox::{Person, Sandbox, SandboxOptions},
    session::SessionEventKind,
    speech::engines::{EngineConfig, Folder},
};
use tokio::time::sleep;

use common::{argument, place, print_spread};

#[tokio::main]
async fn main() {
    let Some(place) = place() else { return };
    let voice = argument("--voice", "hibari".to_owned());
    let lasts = Duration::from_secs(argument("--seconds", 60));
    let options = DialogueOptions { voices: vec![EngineConfig::named(&voice)], ..DialogueOptions::default() };
    let dialogue = options.open_in(&Folder::new(place.join("data/engines"))).await.unwrap();
    let sounds: Arc<[Sound]> =
        (1..=20).map(|n| Sound::read(&place.join(format!("voices/hibari/{n:03}.wav"))).unwrap().at(Hz::K16)).collect();
    println!("moonshine, {voice}; {} cores", cores().len());
    for bots in argument("--bots", "1,10,20,40".to_owned()).split(',') {
        round(&dialogue, &sounds, bots.trim().parse().expect("--bots are numbers"), lasts).await;
    }
}

/// Agrees in two sentences.
struct Yes;

#[async_trait]
impl Conversation for Yes {
    async fn reply(&mut self, _: &UserTurn, say: &mut Speech) -> Result<(), AgentError> {
        say.text("Yes, of course. I will see to that as soon as I can.").await;
        Ok(())
    }
}

type Figures = Arc<Mutex<Vec<TurnFigures>>>;

/// So many bots in rooms of their own, with a person in each.
async fn round(dialogue: &Dialogue, sounds: &Arc<[Sound]>, bots: usize, lasts: Duration) {
    let sandbox = Arc::new(Sandbox::start(SandboxOptions::default()).await.unwrap());
    let (before, cpu, begun) = (Counts::now(), busy(), Instant::now());
    let memory = resident_mib();
    let figures = Figures::default();
    let people: Vec<_> = (0..bots)
        .map(|n| tokio::spawn(talk(dialogue.clone(), sandbox.clone(), sounds.clone(), figures.clone(), n, lasts)))
        .collect();
    let mut asked = 0;
    sleep(lasts / 2).await;
    let grown = resident_mib() - memory;
    for person in people {
        asked += person.await.unwrap();
    }
    let share = (busy() - cpu) / begun.elapsed().as_secs_f64() / cores().len() as f64;
    let figures = figures.lock().unwrap();
    println!(
        "{bots} bots: {asked} turns of people, {} answered; the cores busy {:.0} %, {grown:.0} MiB more than before",
        figures.len(),
        share * 100.0
    );
    let mut totals: Vec<f64> = figures.iter().map(|turn| turn.total().as_secs_f64() * 1e3).collect();
    print_spread("answered after", &mut totals);
    for part in TurnPart::ALL {
        let of = figures.iter().flat_map(|turn| &turn.parts_ms).filter(|(is, _)| *is == part);
        print_spread(&format!("  {}", part.name()), &mut of.map(|(_, ms)| *ms).collect::<Vec<_>>());
    }
    Counts::now().print_since(&before);
}

/// One conversation; gives how often the person spoke.
async fn talk(
    dialogue: Dialogue,
    sandbox: Arc<Sandbox>,
    sounds: Arc<[Sound]>,
    figures: Figures,
    n: usize,
    lasts: Duration,
) -> usize {
    let mut random = fastrand::Rng::with_seed(n as u64);
    let fishjam = Fishjam::new(sandbox.address(), sandbox.token().into());
    let room = fishjam.rest().create_room(&RoomConfig::default()).await.unwrap().id;
    let person = sandbox.add_person(&room, Person::default()).await.unwrap().peer;
    let mut handle = fishjam.join(Box::new(dialogue.agent(Yes)), JoinOptions::new(room.clone())).await.unwrap();
    let leave = handle.leave_token();
    let follows = tokio::spawn(async move {
        while let Some(event) = handle.events.recv().await {
            if let SessionEventKind::Note(note) = event.kind
                && let Some(turn) = TurnFigures::of_note(&note)
            {
                figures.lock().unwrap().push(turn);
            }
        }
        handle.ended().await
    });
    let begun = Instant::now();
    sleep(Duration::from_millis(random.u64(1_000..6_000))).await;
    let mut asked = 0;
    while begun.elapsed() < lasts {
        let sound = &sounds[random.usize(..sounds.len())];
        sandbox.say(&room, &person, sound.clone(), Duration::ZERO).await.unwrap();
        asked += 1;
        // Two fifths of the time.
        sleep(sound.duration() * 5 / 2).await;
    }
    leave.cancel();
    follows.await.unwrap();
    asked
}

/// What is counted of all conversations.
struct Counts(BTreeMap<String, f64>);

impl Counts {
    fn now() -> Counts {
        let mut counts = BTreeMap::new();
        for engine in roomtone::speech::measures().iter().filter(|engine| &*engine.name == "moonshine") {
            counts.insert("partial captions".into(), engine.partials as f64);
            counts.insert("partial captions shed".into(), engine.shed_partials as f64);
            counts.insert("utterances understood".into(), engine.finals as f64);
            counts.insert("utterances lost".into(), engine.lost.values().sum::<u64>() as f64);
            counts.insert("seconds of hearing".into(), engine.busy.as_secs_f64());
        }
        let dialogues = roomtone::dialogue::measures();
        for (how, n) in dialogues.turns {
            counts.insert(format!("turns {how}"), n as f64);
        }
        counts.insert("replies overdue".into(), dialogues.overdue as f64);
        counts.insert("sentences unsaid".into(), dialogues.unsaid as f64);
        Counts(counts)
    }

    fn print_since(&self, before: &Counts) {
        let more = self.0.iter().map(|(name, n)| (name, n - before.0.get(name).unwrap_or(&0.0)));
        let line: Vec<String> = more.filter(|(_, n)| *n > 0.0).map(|(name, n)| format!("{name} {n:.0}")).collect();
        println!("  {}", line.join(", "));
    }
}

/// The cores that this may run on.
fn cores() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        from.parse().unwrap()..=to.parse().unwrap()
    };
    list.split(',').flat_map(range).collect()
}

/// For how many seconds those were busy since the machine started, with whatever it was.
fn busy() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let of = |core: usize| {
        let line = stat.lines().find(|line| line.split_whitespace().next() == Some(&format!("cpu{core}"))).unwrap();
        let ticks: Vec<f64> = line.split_whitespace().skip(1).map(|ticks| ticks.parse().unwrap()).collect();
        // All but idle and waiting for a disk; guests are in user.
        (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / 100.0
    };
    cores().into_iter().map(of).sum()
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
