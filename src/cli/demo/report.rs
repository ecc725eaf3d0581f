//! The demo's report: one HTML file that needs no network.

use std::fmt::Write;

use super::{
    scene::Scene,
    timeline::{Event, Witness},
    turns, waveform,
};
use crate::conversation::transcript::{Caption, Quality, timestamp};

/// The whole page.
pub(super) fn html(agent: &str, scene: &Scene, facts: &[(&'static str, String)]) -> String {
    let samples = scene.person.samples.len().max(scene.agent.samples.len());
    let seconds = scene.agent.rate.duration_of(samples as u64).as_secs_f64().max(0.001);
    let mut page = String::new();
    let title = escape(agent);
    writeln!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>roomtone: {title}</title>\
         <style>{STYLE}{}</style><main><h1>roomtone <span>{title}</span></h1>{}{}{}{}{}{}</main><script>{SCRIPT}</script></html>",
        turns::STYLE,
        facts_table(facts),
        players(seconds),
        picture(scene, seconds),
        turns::bars(&scene.turns),
        transcript(&scene.captions),
        events_table(&scene.events),
    )
    .expect("writing to a String");
    page
}

fn facts_table(facts: &[(&'static str, String)]) -> String {
    let rows: String = facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value))).collect();
    format!("<dl>{rows}</dl>")
}

/// Both sides, to be heard one by one or together, on the time line of the picture.
fn players(seconds: f64) -> String {
    let player = |name: &str, file: &str| {
        format!(
            "<figure><figcaption>{name}</figcaption><audio controls preload=\"metadata\" src=\"{file}\"></audio></figure>"
        )
    };
    format!(
        "<div id=\"players\" data-seconds=\"{seconds:.3}\">{}{}<button type=\"button\">play both</button></div>",
        player("person", PERSON),
        player("agent", AGENT)
    )
}

/// Both voices on one time line, with what happened below them.
fn picture(scene: &Scene, seconds: f64) -> String {
    let x = |at: f64| (at / seconds).clamp(0.0, 1.0) * WIDTH as f64;
    let length = scene.agent.rate.index_at(std::time::Duration::from_secs_f64(seconds)) as usize;
    // Both in one scale, so that their levels can be compared, and as large as the louder allows.
    let both = scene.person.samples.iter().chain(&scene.agent.samples);
    let full = f64::from(both.map(|sample| sample.unsigned_abs()).max().unwrap_or(0).max(QUIETEST)) * 1.05;
    let voice = |samples: &[i16]| {
        let mut samples = samples.to_vec();
        samples.resize(length, 0);
        waveform::path(&samples, full, WIDTH, LANE)
    };
    let (of_agent, of_person): (Vec<&Caption>, Vec<&Caption>) =
        scene.captions.iter().partition(|caption| scene.is_agents(caption));
    let mut svg = String::new();
    write!(
        svg,
        "<div class=\"wide\"><svg viewBox=\"-64 0 {} {HEIGHT}\" role=\"img\" aria-label=\"what was said, and what happened\">\
         {}<text class=\"lane\" x=\"-60\" y=\"{}\">person</text><path class=\"person\" d=\"{}\"/>\
         {}<g transform=\"translate(0 {LANE})\"><text class=\"lane\" x=\"-60\" y=\"{}\">agent</text>\
         <path class=\"agent\" d=\"{}\"/>{}</g>{}\
         <line id=\"playhead\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"{}\"/></svg></div>",
        WIDTH + 80,
        ruler(seconds, x),
        LANE / 2.0 + 4.0,
        voice(&scene.person.samples),
        words(&of_person, x),
        LANE / 2.0 + 4.0,
        voice(&scene.agent.samples),
        words(&of_agent, x),
        marks(&scene.events, x),
        2.0 * LANE,
    )
    .expect("writing to a String");
    svg
}

/// What was understood, under the voice that said it: each word where the engine knows its time, or else each utterance.
fn words(captions: &[&Caption], x: impl Fn(f64) -> f64) -> String {
    let mut shown = String::new();
    let mut show = |from: f64, to: f64, text: &str| {
        let (from, to) = (x(from), x(to));
        let (left, width) = (from, (to - from).max(4.0));
        let text = escape(text);
        write!(
            shown,
            "<foreignObject x=\"{left:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{WORDS}\">\
             <div class=\"said\" title=\"{text}\">{text}</div></foreignObject>",
            LANE - 20.0,
        )
        .expect("writing to a String");
    };
    for caption in captions {
        match caption.words.is_empty() {
            true => show(caption.begins.as_secs_f64(), caption.ends.as_secs_f64(), &caption.text),
            false => caption
                .words
                .iter()
                .for_each(|word| show(word.begins.as_secs_f64(), word.ends.as_secs_f64(), &word.text)),
        }
    }
    shown
}

/// All that was understood, to be read.
fn transcript(captions: &[Caption]) -> String {
    let row = |caption: &Caption| {
        let quality = match caption.quality {
            Quality::Final | Quality::Partial => "",
            Quality::StoodIn(_) => " <em>not understood to its end</em>",
            Quality::Lost(_) => "<em>not understood</em>",
        };
        format!(
            "<tr><td>{}</td><td>{}</td><td class=\"words\">{}{quality}</td></tr>",
            timestamp(caption.begins),
            escape(caption.who()),
            escape(&caption.text)
        )
    };
    match captions.is_empty() {
        true => String::new(),
        false => format!("<h2>transcript</h2><table>{}</table>", captions.iter().map(row).collect::<String>()),
    }
}

/// A line for each second, or for as many as fit.
fn ruler(seconds: f64, x: impl Fn(f64) -> f64) -> String {
    let step = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0];
    let step = step.into_iter().find(|step| seconds / step <= 20.0).unwrap_or(3_600.0);
    let mut ruler = String::new();
    for n in 0..=(seconds / step) as u32 {
        let at = f64::from(n) * step;
        let x = x(at);
        write!(
            ruler,
            "<line class=\"second\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{}\"/>\
             <text class=\"second\" x=\"{x:.1}\" y=\"{}\">{at} s</text>",
            2.0 * LANE,
            2.0 * LANE + 14.0,
        )
        .expect("writing to a String");
    }
    ruler
}

/// A mark for each event, in a lane for each witness; its text shows when it is pointed at.
fn marks(events: &[Event], x: impl Fn(f64) -> f64) -> String {
    let mut marks = String::new();
    for (lane, witness) in [Witness::Demo, Witness::Agent, Witness::Server].into_iter().enumerate() {
        let y = 2.0 * LANE + 34.0 + 18.0 * lane as f64;
        write!(marks, "<text class=\"lane\" x=\"-60\" y=\"{}\">{}</text>", y + 4.0, name(witness))
            .expect("writing to a String");
        for event in events.iter().filter(|event| event.seen_by == witness) {
            write!(
                marks,
                "<circle class=\"{0}\" cx=\"{1:.1}\" cy=\"{y}\" r=\"4\"><title>{2:.3} s: {3} {4}</title></circle>",
                name(witness),
                x(event.at_s),
                event.at_s,
                escape(&event.what),
                escape(&event.detail),
            )
            .expect("writing to a String");
        }
    }
    marks
}

fn events_table(events: &[Event]) -> String {
    let row = |event: &Event| {
        format!(
            "<tr><td>{:.3}</td><td class=\"{1}\">{1}</td><td>{2}</td><td>{3}</td></tr>",
            event.at_s,
            name(event.seen_by),
            escape(&event.what),
            short_ids(&escape(&event.detail))
        )
    };
    let rows: String = events.iter().map(row).collect();
    let count = events.len();
    format!(
        "<details><summary>{count} events</summary><div class=\"wide\"><table><thead><tr><th>s</th><th>seen by</th><th>what</th><th></th></tr></thead>{rows}</table></div></details>"
    )
}

/// Ids of 36 characters as their first eight; the whole one shows when it is pointed at.
fn short_ids(text: &str) -> String {
    let is_id = |word: &str| uuid::Uuid::try_parse(word).is_ok() && word.len() == 36;
    let mut short = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_hexdigit() && c != '-') {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_hexdigit() && c != '-');
        match is_id(word) {
            true => write!(short, "<abbr title=\"{word}\">{}</abbr>{}", &word[..8], &part[word.len()..])
                .expect("writing to a String"),
            false => short.push_str(part),
        }
    }
    short
}

fn name(witness: Witness) -> &'static str {
    match witness {
        Witness::Demo => "demo",
        Witness::Agent => "driver",
        Witness::Server => "server",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The picture's width in strokes, and the height of one voice.
const WIDTH: usize = 1_000;
const LANE: f64 = 130.0;
/// The height of the words under a voice.
const WORDS: f64 = 44.0;
const HEIGHT: f64 = 2.0 * LANE + 90.0;

/// Below this peak a voice is drawn as small as it is.
const QUIETEST: u16 = 1_000;

/// The files of both sides, beside the report.
pub(super) const PERSON: &str = "person.wav";
pub(super) const AGENT: &str = "agent.wav";

/// Moves the playhead, plays both, and goes where the picture is clicked.
const SCRIPT: &str = "\
const box=document.getElementById('players'),all=[...box.querySelectorAll('audio')],head=document.getElementById('playhead'),\
svg=document.querySelector('svg'),seconds=+box.dataset.seconds,width=1000;\
const draw=()=>{const on=all.filter(a=>!a.paused);const at=Math.max(...(on.length?on:all).map(a=>a.currentTime));\
const x=at/seconds*width;head.setAttribute('x1',x);head.setAttribute('x2',x);if(on.length)requestAnimationFrame(draw)};\
all.forEach(a=>['play','seeked','pause'].forEach(e=>a.addEventListener(e,draw)));\
box.querySelector('button').onclick=()=>{const at=all[0].currentTime;all.forEach(a=>{a.currentTime=at;a.play()})};\
svg.addEventListener('click',e=>{const p=new DOMPoint(e.clientX,e.clientY).matrixTransform(svg.getScreenCTM().inverse());\
all.forEach(a=>a.currentTime=Math.min(Math.max(p.x/width,0),1)*seconds)});";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2733;--dim:#6b7885;--line:#dde3e9;--bg:#fbfcfd;--person:#2a6fbb;--agent:#c2571a;\
--server:#3f8f5b}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--dim:#93a1ae;--line:#2c3742;--bg:#12181f;--person:#6aaaf0;\
--agent:#f0935a;--server:#6cc48c}}\
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
main{max-width:1100px;margin:0 auto;padding:32px 20px}\
h1{font-size:22px;margin:0 0 16px;font-weight:650}h1 span{color:var(--agent)}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:0 0 24px}\
dt{color:var(--dim)}dd{margin:0}\
.wide{overflow-x:auto;margin-bottom:24px}\
svg{width:100%;min-width:560px;height:auto;display:block;cursor:pointer}\
#playhead{stroke:var(--ink);stroke-width:1.5}\
#players{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:end;margin-bottom:16px}\
figure{margin:0;flex:1 1 260px}figcaption{color:var(--dim);font-size:13px}audio{width:100%}\
button{font:inherit;padding:6px 14px;border:1px solid var(--line);border-radius:6px;background:none;color:inherit}\
summary{cursor:pointer;color:var(--dim);margin-bottom:8px}abbr{text-decoration:none}\
@media(max-width:600px){main{padding:16px 12px}dl{grid-template-columns:1fr}dt{font-size:13px}dd{margin-bottom:6px;\
overflow-wrap:anywhere}}\
path{fill:none;stroke-width:1}.person{stroke:var(--person)}path.agent{stroke:var(--agent)}\
line.second{stroke:var(--line)}text{font-size:11px;fill:var(--dim)}text.second{text-anchor:middle}\
text.lane{fill:var(--ink);font-size:12px}\
.said{font-size:9px;line-height:11px;color:var(--dim)}h2{font-size:17px;margin:0 0 8px;font-weight:650}\
td.words{color:var(--ink)!important}\
circle{fill:var(--dim);opacity:.8}circle.driver{fill:var(--agent)}circle.server{fill:var(--server)}\
table{border-collapse:collapse;width:100%;font-size:13px}\
td,th{text-align:left;padding:3px 12px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}\
td:first-child{font-variant-numeric:tabular-nums;color:var(--dim)}td:last-child{overflow-wrap:anywhere;color:var(--dim)}\
td.driver{color:var(--agent)}td.server{color:var(--server)}";
